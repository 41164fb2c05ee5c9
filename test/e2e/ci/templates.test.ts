/** The CI jobs that come with zdr, their shell run verbatim: from the package to a deploy through SSH. */
import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Context, type JobEnd, jobsFor, jobsOf, runJob } from "../../support/ci/github.ts";
import { gitlabJob, runGitlabJob } from "../../support/ci/gitlab.ts";
import { type Packed, packZdr } from "../../support/ci/package.ts";
import { eventually } from "../../support/eventually.ts";
import { type Mark, newMark } from "../../support/processes.ts";
import { type Rig, startRig } from "../../support/rig.ts";

describe("the CI templates", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let packed: Packed;
  let mark: Mark;
  let key: string;
  let jobs = 0;

  before(async () => {
    const cleanup = { after: (clean: () => Promise<void>) => cleaning.push(clean) };
    rig = await startRig(cleanup, { via: "ssh" });
    packed = await packZdr(cleanup);
    mark = newMark();
    cleaning.push(mark.killAll);
    await rig.addSample("gunicorn", { watch: 0 }, { timeout: "3s" });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    key = await readFile(join(rig.dir, "ssh/key"), "utf8");
    // As the templates ask for: host keys beside deploy.yml, and no key anywhere.
    await copyFile(join(rig.dir, "ssh/known_hosts"), join(rig.project, "known_hosts"));
    await rig.configure({ ssh: { known_hosts: "known_hosts" } });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const surroundings = async (more: Readonly<Record<string, string>>) => {
    jobs++;
    const dir = join(rig.dir, `job-${jobs}`);
    // ssh-agent makes its socket there.
    await mkdir(join(dir, "tmp"), { recursive: true });
    const env = { ...rig.env, ...packed.npmEnv, ...mark.env, TMPDIR: join(dir, "tmp"), ...more };
    return { dir, env, workspace: rig.project };
  };
  const onGithub = async (
    job: string,
    context: Context,
    more: Readonly<Record<string, string>> = {},
    onStep?: Parameters<typeof runJob>[1]["onStep"],
  ) => {
    const options = await surroundings(more);
    const secrets = { "vars.ZDR_PACKAGE": packed.file, "secrets.ZDR_SSH_KEY": key };
    return runJob(job, { ...options, context: { ...context, ...secrets }, ...(onStep && { onStep }) });
  };
  const tagged = (tag: string) => ({ GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: tag, GITHUB_ACTOR: "ann" });
  const endsOf = ({ steps }: JobEnd) => steps.map(({ name, code }) => `${name}: ${code}`);
  const WELL = ["Install zdr: 0", "Hand the key to ssh-agent: 0", "zdr: 0", "End ssh-agent: 0"];

  test("on GitHub a tag deploys, a pull request of one's own plans, and a dispatch rolls back", async () => {
    const own = "github.event.pull_request.head.repo.full_name";
    assert.deepEqual(await jobsFor({ "github.event_name": "push", "github.ref_type": "tag" }), ["deploy"]);
    assert.deepEqual(await jobsFor({ "github.event_name": "push", "github.ref_type": "branch" }), []);
    assert.deepEqual(await jobsFor({ "github.event_name": "workflow_dispatch" }), ["rollback"]);
    const pull = { "github.event_name": "pull_request", "github.repository": "o/r", "github.ref_type": "branch" };
    assert.deepEqual(await jobsFor({ ...pull, [own]: "o/r" }), ["plan"]);
    assert.deepEqual(await jobsFor({ ...pull, [own]: "fork/r" }), []);
  });

  test("jobs that change something wait for each other, as the hosts' lock has it", async () => {
    const { deploy, rollback, plan } = await jobsOf();
    assert.deepEqual(deploy?.concurrency, { group: "zdr-production", "cancel-in-progress": false });
    assert.deepEqual(rollback?.concurrency, deploy?.concurrency);
    assert.equal(plan?.concurrency, undefined);
    assert.equal((await gitlabJob("zdr-deploy")).resource_group, (await gitlabJob("zdr-rollback")).resource_group);
    assert.equal((await gitlabJob("zdr-deploy")).interruptible, false);
  });

  test("the deploy job installs the package, takes the key from the secret, and deploys the tag", async () => {
    await rig.useSample("gunicorn", { release: "v1" });
    const job = await onGithub("deploy", {}, tagged("v1"));
    assert.deepEqual(endsOf(job), WELL, job.steps.map(({ log }) => log).join(""));
    assert.match(job.summary, /^### zdr deploy: v1: done\n/);
    assert.deepEqual(job.annotations, []);
  });

  test("a pull request is told what its build would do, and does not fail for it", async () => {
    await rig.useSample("gunicorn", { release: "v2" });
    const job = await onGithub("plan", { "github.event.number": "7" });
    assert.deepEqual(endsOf(job), WELL, job.steps.map(({ log }) => log).join(""));
    assert.match(job.steps[2]?.log ?? "", /pr-7/);
  });

  test("a release that fails is an annotation, a red summary and a red job", async () => {
    await rig.useSample("gunicorn", { release: "v2", variant: "unhealthy" });
    const job = await onGithub("deploy", {}, tagged("v2"));
    assert.deepEqual(endsOf(job), [...WELL.slice(0, 2), "zdr: 7", "End ssh-agent: 0"]);
    assert.match(job.annotations.join("\n"), /^::error file=deploy.yml,line=\d+,col=5,title=zdr::web1: /m);
    assert.match(job.summary, /^### zdr deploy: failed \(exit 7\)|^### zdr deploy: v2: failed \(exit 7\)/);
  });

  test("the rollback job goes back, to what it is told", async () => {
    await rig.useSample("gunicorn", { release: "v3" });
    assert.deepEqual(endsOf(await onGithub("deploy", {}, tagged("v3"))), WELL);
    const job = await onGithub("rollback", { "inputs.to": "v1" });
    assert.deepEqual(endsOf(job), WELL, job.steps.map(({ log }) => log).join(""));
    assert.match(job.summary, /v3 -&gt; v1/);
    const again = await onGithub("rollback", { "inputs.to": "" });
    assert.match(again.steps[2]?.log ?? "", /v1/);
  });

  test("a cancelled job tells zdr, which says that no host was touched, and ends the agent with the key", async () => {
    const building = join(rig.dir, "building");
    await rig.configure({ build: { run: `touch ${building}; sleep 600`, path: rig.project } });
    const job = await onGithub("deploy", {}, tagged("v4"), (name, child) => {
      if (name !== "zdr") return;
      void eventually(async () => (await stat(building).catch(() => undefined)) !== undefined, {
        name: "the build has begun",
      }).then(() => child.kill("SIGINT"));
    });
    assert.deepEqual(endsOf(job), [...WELL.slice(0, 2), "zdr: 130", "End ssh-agent: 0"]);
    assert.match(job.steps[2]?.log ?? "", /zdr: state: no host was touched/);
    await rig.configure({ build: { path: "build" } });
  });

  test("the key is in no file when the jobs are over, and no agent holds it", async () => {
    await eventually(async () => (await mark.pids()).length === 0, { name: "no process of the jobs is left" });
    const secret = key.split("\n")[1] ?? "";
    assert.ok(secret.length > 20);
    for (const file of await readdir(rig.dir, { recursive: true, withFileTypes: true })) {
      const path = join(file.parentPath, file.name);
      if (!file.isFile() || path.startsWith(join(rig.dir, "ssh/"))) continue;
      assert.ok(!(await readFile(path, "latin1")).includes(secret), path);
    }
  });

  test("on GitLab the jobs deploy and roll back, with a report and sections, and leave no agent", async () => {
    const gitlab = async (job: string, more: Readonly<Record<string, string>>) =>
      runGitlabJob(job, await surroundings({ ZDR_SSH_KEY: key, ZDR_PACKAGE: packed.file, ...more }));
    await rig.useSample("gunicorn", { release: "v5" });
    const deployed = await gitlab("zdr-deploy", { CI_COMMIT_TAG: "v5" });
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.match(deployed.stderr, /section_start:\d+:zdr_activate_\d\r/);
    const { artifacts } = await gitlabJob("zdr-deploy");
    assert.match(await readFile(join(rig.project, artifacts?.reports.junit ?? ""), "utf8"), /<testsuite name="web1"/);
    const planned = await gitlab("zdr-plan", { CI_MERGE_REQUEST_IID: "9" });
    assert.equal(planned.code, 0, planned.stderr);
    const back = await gitlab("zdr-rollback", { ZDR_ROLLBACK_TO: "v3" });
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.stdout, /v5 -> v3/);
    await eventually(async () => (await mark.pids()).length === 0, { name: "no process of the jobs is left" });
  });
});
