/** A job of GitLab that is cancelled: SIGTERM to all of it, or SIGKILL. What its template promises of that. */
import assert from "node:assert/strict";
import { access, copyFile, mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { type RunningJob, startGitlabJob } from "../../support/ci/gitlab.ts";
import { eventually } from "../../support/eventually.ts";
import { type Mark, newMark } from "../../support/processes.ts";
import { DIST, type Rig, startRig } from "../../support/rig.ts";

describe("a job of GitLab that is cancelled", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let mark: Mark;
  let tag: string;
  let count = 1;
  /** A hook makes the first one, and goes on when the second one is there. */
  let [here, goOn] = ["", ""];

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh" });
    mark = newMark();
    cleaning.push(mark.killAll);
    await rig.addSample("gunicorn", { watch: 0 });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    await rig.useSample("gunicorn", { release: "v1" });
    assert.equal((await rig.zdr(["deploy", "--tag", "v1"])).code, 0);
    await copyFile(join(rig.dir, "ssh/known_hosts"), join(rig.project, "known_hosts"));
    await rig.configure({ ssh: { known_hosts: "known_hosts" } });
    await mkdir(join(rig.dir, "bin"));
    await symlink(join(DIST, "zdr.cjs"), join(rig.dir, "bin/zdr"));
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  beforeEach(async () => {
    tag = `v${++count}`;
    await rig.useSample("gunicorn", { release: tag });
    [here, goOn] = [join(rig.dir, `here-${tag}`), join(rig.dir, `go-on-${tag}`)];
  });

  const waiting = (on: "hosts" | "local" = "hosts") => [
    { on, shell: `touch ${here}; while [ ! -e ${goOn} ]; do sleep 0.1; done` },
  ];
  const isThere = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    );
  /** The job, once it has come to where it waits. */
  const deployUntilHere = async (): Promise<RunningJob> => {
    const dir = join(rig.dir, `job-${tag}`);
    await mkdir(join(dir, "tmp"), { recursive: true });
    const PATH = [join(rig.dir, "bin"), dirname(process.execPath), process.env.PATH].join(":");
    const key = await readFile(join(rig.dir, "ssh/key"), "utf8");
    const env = { ...rig.env, ...mark.env, PATH, TMPDIR: join(dir, "tmp"), ZDR_SSH_KEY: key, CI_COMMIT_TAG: tag };
    const job = await startGitlabJob("zdr-deploy", { dir, workspace: rig.project, env });
    let hasEnded = false;
    void job.ended.then(() => {
      hasEnded = true;
    });
    await eventually(async () => hasEnded || (await isThere(here)), { name: "it waits", timeoutMs: 60_000 });
    assert.equal(hasEnded, false, job.log());
    return job;
  };
  const noneIsLeft = () =>
    eventually(async () => (await mark.pids()).length === 0, {
      name: "no process of the job is left",
      timeoutMs: 60_000,
    });
  const current = async () => (await readlink(join(rig.deployTo, "current"))).replace("releases/", "");
  const lastEvent = async () => {
    const lines = (await readFile(join(rig.deployTo, ".zdr/ledger.ndjson"), "utf8")).trim().split("\n");
    const { event, tag: of } = JSON.parse(lines.at(-1) ?? "") as { event: string; tag: string };
    return `${event} ${of}`;
  };
  /** Nothing is held, and nothing half done is in the way. */
  const takesTheNext = async () => {
    const ssh = { key: join(rig.dir, "ssh/key"), known_hosts: "known_hosts" };
    await rig.configure({ hooks: {}, ssh });
    await rig.useSample("gunicorn", { release: `${tag}.1` });
    const { code, stderr } = await rig.zdr(["deploy", "--tag", `${tag}.1`, "--wait", "1m"]);
    assert.equal(code, 0, stderr);
    await rig.configure({ ssh: { known_hosts: "known_hosts" } });
  };

  test("while it builds: it says that no host was touched, and its shell waits for that", async () => {
    await rig.configure({ hooks: {}, build: { run: `touch ${here}; sleep 600`, path: rig.project } });
    const job = await deployUntilHere();
    job.kill("SIGTERM");
    assert.deepEqual(await job.ended, { code: 143, signal: null }, job.log());
    assert.match(job.log(), /zdr: state: no host was touched/);
    await noneIsLeft();
  });

  test("before the flip: zdr undoes what it had begun and says so, and the old release serves", async () => {
    const was = await current();
    await rig.configure({ hooks: { before_activate: waiting("local") } });
    const job = await deployUntilHere();
    job.kill("SIGTERM");
    assert.deepEqual(await job.ended, { code: 143, signal: null }, job.log());
    assert.match(job.log(), new RegExp(`zdr: state: web1 .*still serves ${was}`));
    assert.equal(await current(), was);
    await noneIsLeft();
  });

  test("after the flip: it says within seconds that the host finishes alone, which it does", async () => {
    await rig.configure({ hooks: { before_keep: waiting() } });
    const job = await deployUntilHere();
    job.kill("SIGTERM");
    assert.deepEqual(await job.ended, { code: 143, signal: null }, job.log());
    assert.match(job.log(), new RegExp(`zdr: state: web1 was left to its agent, which keeps ${tag} or reverts`));
    await writeFile(goOn, "");
    await eventually(async () => (await lastEvent()) === `good ${tag}`, { name: "it is kept", timeoutMs: 60_000 });
    assert.equal(await current(), tag);
  });

  test("killed at once before the flip: the host undoes it alone, and takes the next release", async () => {
    const was = await current();
    await rig.configure({ hooks: { before_activate: waiting() } });
    const job = await deployUntilHere();
    job.kill("SIGKILL");
    assert.deepEqual(await job.ended, { code: null, signal: "SIGKILL" });
    // A command of the project is let end, whoever has gone.
    await writeFile(goOn, "");
    assert.equal(await current(), was);
    await takesTheNext();
  });

  test("killed at once after the flip: the host finishes alone, and takes the next release", async () => {
    await rig.configure({ hooks: { before_keep: waiting() } });
    const job = await deployUntilHere();
    job.kill("SIGKILL");
    await job.ended;
    await writeFile(goOn, "");
    await eventually(async () => (await lastEvent()) === `good ${tag}`, { name: "it is kept", timeoutMs: 60_000 });
    assert.equal(await current(), tag);
    await takesTheNext();
  });
});
