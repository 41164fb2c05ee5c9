/** The operator's side dies, or is told to stop, in the middle of a deploy: no host is left half done. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, readlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import { type Rig, type RunningZdr, startRig } from "../../support/rig.ts";

/** Long enough to disturb a deploy in, between its flip and its end. */
const TIMES = { program: { watch: "2s" }, health: { timeout: "3s" } };
/** Takes seconds to send; a hole in a file takes no space here. */
const LARGE_BYTES = 512 * 1024 * 1024;

describe("a deploy that is cut short", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url: string;
  let count = 0;
  /** The tag of the deploy that is disturbed, new for each test. */
  let tag: string;
  /** What served before it. */
  let old: string;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh" });
    ({ url } = await rig.addSample("gunicorn", TIMES.program, TIMES.health));
    await rig.useSample("gunicorn", { release: "v0" });
    await ok("setup");
    await ok("deploy", "--tag", "v0");
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  beforeEach(async () => {
    tag = `v${++count}`;
    old = await version();
  });

  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
    return stderr;
  };
  const zdrFolder = () => join(rig.deployTo, ".zdr");
  const version = () => textAt(`${url}/version`);
  const current = async () => (await readlink(join(rig.deployTo, "current"))).replace("releases/", "");
  const lock = async (): Promise<{ pid: number; released: boolean }> => {
    const name = (await readdir(zdrFolder())).find((file) => /^lock\.\d+$/.test(file)) ?? "lock is missing";
    return JSON.parse(await readFile(join(zdrFolder(), name), "utf8"));
  };
  const lockIsFree = () =>
    eventually(async () => (await lock()).released, { name: "the lock is given up", timeoutMs: 30_000 });
  const ledger = async (of = tag): Promise<string[]> => {
    const lines = (await readFile(join(zdrFolder(), "ledger.ndjson"), "utf8")).trim().split("\n");
    const entries = lines.map((line) => JSON.parse(line) as { tag: string; event: string });
    return entries.filter((entry) => entry.tag === of).map(({ event }) => event);
  };
  /** A deploy under way that has said this. */
  const deployUntil = async (text: string, more: readonly string[] = []): Promise<RunningZdr> => {
    const zdr = rig.startZdr(["deploy", "--tag", tag, ...more]);
    await eventually(() => `${zdr.said().stdout}${zdr.said().stderr}`.includes(text), { name: text });
    return zdr;
  };
  const deployToTheMiddle = () => deployUntil(`flip: ${tag}`);
  /** A deploy of a large build of which some has been sent, and most has not. */
  const uploadToTheMiddle = async () => {
    const build = join(rig.project, `large-${tag}`);
    await mkdir(build);
    for (const [name, text] of [
      ["app.py", "nothing"],
      ["large", ""],
    ] as const)
      await writeFile(join(build, name), text);
    await truncate(join(build, "large"), LARGE_BYTES);
    await rig.configure({ build: { path: build } });
    return deployUntil('"event":"upload"', ["--json"]);
  };
  const nothingIsLeft = async (but: readonly string[] = []) => {
    await lockIsFree();
    assert.deepEqual(await readdir(join(zdrFolder(), "incoming")), but);
    assert.ok(!(await readdir(join(rig.deployTo, "releases"))).includes(tag));
    assert.ok(!(await readdir(join(zdrFolder(), "manifests"))).includes(`${tag}.json`));
    assert.deepEqual(await ledger(), []);
    assert.deepEqual([await version(), await current()], [old, old]);
  };
  const nextDeployWorks = async () => {
    tag = `v${++count}`;
    await rig.useSample("gunicorn", { release: tag });
    await ok("deploy", "--tag", tag);
    assert.equal(await version(), tag);
  };

  test("the CLI is killed after the flip: the agent proves the release by itself, keeps it and gives up the lock", async () => {
    await rig.useSample("gunicorn", { release: tag });
    const zdr = await deployToTheMiddle();
    zdr.kill("SIGKILL");
    await zdr.done;
    // Nobody gets between: the agent holds the lock while it is at work.
    await ok("reload", "--wait", "1m");
    assert.deepEqual(await ledger(), ["staged", "activating", "good"]);
    assert.deepEqual([await version(), await current()], [tag, tag]);
  });

  test("the CLI is killed after the flip to a bad release: the agent puts the old one back by itself", async () => {
    await rig.useSample("gunicorn", { release: tag, variant: "unhealthy" });
    const zdr = await deployToTheMiddle();
    zdr.kill("SIGKILL");
    await zdr.done;
    await lockIsFree();
    assert.deepEqual(await ledger(), ["staged", "activating", "bad", "reverted"]);
    assert.deepEqual([await version(), await current()], [old, old]);
  });

  test("the CLI is killed during the upload: what is whole waits for the same release, and goes with any other; the lock is free", async () => {
    const zdr = await uploadToTheMiddle();
    zdr.kill("SIGKILL");
    await zdr.done;
    await nothingIsLeft([`part-${tag}`]);
    assert.deepEqual(await readdir(join(zdrFolder(), "incoming", `part-${tag}`)), ["app.py"]);
    await nextDeployWorks();
    assert.deepEqual(await readdir(join(zdrFolder(), "incoming")), []);
  });

  test("interrupted during the upload, zdr undoes it on the host and exits with 130", async () => {
    const zdr = await uploadToTheMiddle();
    zdr.kill("SIGINT");
    const { code, stdout, stderr } = await zdr.done;
    assert.equal(code, 130, `${stdout}${stderr}`);
    assert.match(stderr, /^zdr: state: web1 was not touched/m);
    await nothingIsLeft();
  });

  test("terminated during the upload, it does the same and exits with 143", async () => {
    const zdr = await uploadToTheMiddle();
    zdr.kill("SIGTERM");
    assert.equal((await zdr.done).code, 143);
    await nothingIsLeft();
  });

  test("interrupted while the release is checked, before the flip, zdr leaves it unflipped and exits with 130", async (t) => {
    const { programs } = JSON.parse(await readFile(rig.configPath, "utf8"));
    t.after(() => rig.configure({ programs }));
    await rig.configure({ programs: { shop: { ...programs.shop, check: "/bin/sleep 2" } } });
    await rig.useSample("gunicorn", { release: tag });
    const zdr = await deployUntil("web1: preflight\n");
    zdr.kill("SIGINT");
    const { code, stdout, stderr } = await zdr.done;
    assert.equal(code, 130, `${stdout}${stderr}`);
    await lockIsFree();
    assert.deepEqual(await ledger(), ["staged"]);
    assert.deepEqual([await version(), await current()], [old, old]);
  });

  test("interrupted after the flip, zdr lets the activation finish, and says what serves", async () => {
    await rig.useSample("gunicorn", { release: tag });
    const zdr = await deployToTheMiddle();
    zdr.kill("SIGINT");
    const { code, stdout, stderr } = await zdr.done;
    assert.equal(code, 130, `${stdout}${stderr}`);
    assert.match(stderr, new RegExp(`^zdr: state: web1 serves ${tag}`, "m"));
    assert.deepEqual(await ledger(), ["staged", "activating", "good"]);
    assert.deepEqual([await version(), await current(), (await lock()).released], [tag, tag, true]);
  });

  test("interrupted twice after the flip, zdr leaves at once, and the agent finishes alone", async () => {
    await rig.useSample("gunicorn", { release: tag });
    const zdr = await deployToTheMiddle();
    zdr.kill("SIGINT");
    await eventually(() => zdr.said().stderr.includes("a second signal"), { name: "the first signal is taken" });
    zdr.kill("SIGINT");
    assert.equal((await zdr.done).code, 130);
    assert.notEqual((await ledger()).at(-1), "good");
    await lockIsFree();
    assert.deepEqual(await ledger(), ["staged", "activating", "good"]);
    assert.equal(await version(), tag);
  });

  test("the agent is killed after the flip: zdr exits with 8, and the next command finishes what was begun", async () => {
    await rig.useSample("gunicorn", { release: tag });
    const zdr = await deployToTheMiddle();
    process.kill((await lock()).pid, "SIGKILL");
    const { code, stdout, stderr } = await zdr.done;
    assert.equal(code, 8, `${stdout}${stderr}`);
    assert.match(stderr, /^zdr: error: web1: the agent ended during activate: exit SIGKILL$/m);
    assert.match(stderr, new RegExp(`^zdr: state: web1 was left in the middle of activating ${tag} by an agent`, "m"));
    const said = await ok("reload");
    assert.match(said, new RegExp(`the activation of ${tag} had been interrupted; it was finished, and ${tag} serves`));
    assert.deepEqual([await version(), await current(), (await ledger()).at(-1)], [tag, tag, "good"]);
  });

  test("the agent is killed after the flip to a bad release: the next command puts the old one back", async () => {
    await rig.useSample("gunicorn", { release: tag, variant: "unhealthy" });
    const zdr = await deployToTheMiddle();
    process.kill((await lock()).pid, "SIGKILL");
    assert.equal((await zdr.done).code, 8);
    const said = await ok("reload");
    assert.match(said, new RegExp(`the activation of ${tag} had been interrupted; .*${old} serves`));
    assert.deepEqual([await version(), await current(), (await ledger()).at(-1)], [old, old, "reverted"]);
  });
});
