/** A CI system cancels a job: SIGTERM, and a few seconds later SIGKILL. Until then each host's state has been told. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { answerAt } from "../../support/load/ask.ts";
import { newMark } from "../../support/processes.ts";
import { type Rig, type RunningZdr, startRig } from "../../support/rig.ts";

/** Beyond everything that a test waits for, so that what ends before it was not waited for. */
const FOR_EVER = "10m";

describe("zdr is terminated", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let count = 0;
  let tag: string;
  let programs: { shop: Record<string, unknown> };

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    await rig.addSample("gunicorn", { watch: 0 });
    ({ programs } = JSON.parse(await readFile(rig.configPath, "utf8")));
    await rig.useSample("gunicorn", { release: "v0" });
    for (const args of [["setup"], ["deploy", "--tag", "v0"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 0, stderr);
    }
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  beforeEach(async () => {
    tag = `v${++count}`;
    await rig.useSample("gunicorn", { release: tag });
  });

  const configure = (shop: Record<string, unknown>) =>
    rig.configure({ programs: { shop: { ...programs.shop, ...shop } } });
  const agentPid = async (): Promise<number> => {
    const folder = join(rig.deployTo, ".zdr");
    const name = (await readdir(folder)).find((file) => /^lock\.\d+$/.test(file)) ?? "lock is missing";
    return (JSON.parse(await readFile(join(folder, name), "utf8")) as { pid: number }).pid;
  };
  const lastEvent = async () => {
    const lines = (await readFile(join(rig.deployTo, ".zdr/ledger.ndjson"), "utf8")).trim().split("\n");
    return (JSON.parse(lines.at(-1) ?? "") as { event: string }).event;
  };
  const deployUntil = async (text: string, ...more: string[]): Promise<RunningZdr> => {
    const zdr = rig.startZdr(["deploy", "--tag", tag, ...more]);
    const hasSaid = () => `${zdr.said().stdout}${zdr.said().stderr}`.includes(text);
    await eventually(hasSaid, { name: text, timeoutMs: 60_000 });
    return zdr;
  };
  /** What the next test finds is a host on which nothing is under way. */
  const cutShort = async () => {
    process.kill(await agentPid(), "SIGKILL");
    await configure({ watch: 0 });
    assert.equal((await rig.zdr(["reload"])).code, 0);
  };

  test("after the flip, it waits a moment, says that the host goes on alone, and leaves", async () => {
    await configure({ watch: FOR_EVER });
    const zdr = await deployUntil(`flip: ${tag}`);
    zdr.kill("SIGTERM");
    const { code, stderr } = await zdr.done;
    assert.equal(code, 143, stderr);
    assert.match(stderr, new RegExp(`^zdr: state: local was left to its agent, which keeps ${tag} or reverts`, "m"));
    assert.match(stderr, /^zdr: hint: +see what is where: zdr releases/m);
    assert.equal(await lastEvent(), "activating", "the activation goes on");
    process.kill(await agentPid(), 0);
    await cutShort();
  });

  test("with --json the last line is the result all the same", async () => {
    await configure({ watch: FOR_EVER });
    const zdr = await deployUntil('"phase":"flip"', "--json");
    zdr.kill("SIGTERM");
    const { code, stdout } = await zdr.done;
    assert.equal(code, 143);
    const [failure, result] = stdout
      .trim()
      .split("\n")
      .slice(-2)
      .map((line) => JSON.parse(line));
    assert.deepEqual([failure.event, result.event, result.exit], ["failure", "result", 143]);
    assert.match(failure.state[0], /^local was left to its agent/);
    await cutShort();
  });

  test("a second signal does not wait, whichever it is", async () => {
    await configure({ watch: FOR_EVER });
    const zdr = await deployUntil(`flip: ${tag}`);
    zdr.kill("SIGINT");
    await eventually(() => zdr.said().stderr.includes("a second signal"), { name: "the first signal is taken" });
    zdr.kill("SIGTERM");
    const { code, stderr } = await zdr.done;
    assert.equal(code, 130, "what it was told first");
    assert.match(stderr, /^zdr: state: local was left to its agent/m);
    await cutShort();
  });

  test("while the agent hangs, it leaves too, and what was not flipped is undone when the agent comes to itself", async () => {
    await rig.configure({ hooks: { before_activate: [{ run: "/bin/sleep 5" }] } });
    const zdr = await deployUntil("hook before_activate");
    const agent = await agentPid();
    process.kill(agent, "SIGSTOP");
    zdr.kill("SIGTERM");
    const { code, stderr } = await zdr.done;
    assert.equal(code, 143, stderr);
    assert.match(stderr, /^zdr: state: local was left to its agent/m);
    process.kill(agent, "SIGCONT");
    await rig.configure({ hooks: undefined });
    const next = await rig.zdr(["reload", "--wait", "1m"]);
    assert.equal(next.code, 0, next.stderr);
    assert.equal((await answerAt(String(healthOf(programs)))).status, 200);
    assert.ok((await lastEvent()) !== "activating");
  });

  test("while the release's own check runs, that is told to end, and the host is free", async () => {
    const diary = join(rig.dir, "checks");
    const script = `trap 'echo ended >>${diary}; exit 0' TERM; echo begun >>${diary}; sleep 600 & wait`;
    await configure({ watch: 0, check: ["/bin/sh", "-c", script] });
    const zdr = await deployUntil("local: preflight");
    const said = async () => (await readFile(diary, "utf8").catch(() => "")).trimEnd();
    await eventually(async () => (await said()) === "begun", { name: "the check is under way" });
    zdr.kill("SIGTERM");
    const { code, stderr } = await zdr.done;
    assert.equal(code, 143, stderr);
    assert.match(stderr, new RegExp(`^zdr: state: local holds ${tag} and still serves v\\d`, "m"));
    await configure({ watch: 0 });
    const next = await rig.zdr(["reload", "--wait", "1m"]);
    assert.equal(next.code, 0, next.stderr);
    assert.equal(await said(), "begun\nended");
  });

  test("while a hook ahead of the flip runs on a host, the hook is told to end, and the host is free", async () => {
    await configure({ watch: 0 });
    const diary = join(rig.dir, "diary");
    const shell = `trap 'echo ended >>${diary}; exit 0' TERM; echo begun >>${diary}; sleep 600 & wait; wait`;
    await rig.configure({ hooks: { before_activate: [{ shell }] } });
    const zdr = await deployUntil("hook before_activate");
    const said = async () => (await readFile(diary, "utf8").catch(() => "")).trimEnd();
    await eventually(async () => (await said()) === "begun", { name: "the hook is under way", timeoutMs: 60_000 });
    zdr.kill("SIGTERM");
    const { code, stderr } = await zdr.done;
    assert.equal(code, 143, stderr);
    await rig.configure({ hooks: undefined });
    const next = await rig.zdr(["reload", "--wait", "2m"]);
    assert.equal(next.code, 0, next.stderr);
    assert.equal(await said(), "begun\nended");
    assert.equal(await lastEvent(), "staged", "nothing was flipped");
  });

  test("while the build runs, all of the build ends with it, and no host was touched", async (t) => {
    const mark = newMark();
    t.after(mark.killAll);
    await configure({ watch: 0 });
    const { build } = JSON.parse(await readFile(rig.configPath, "utf8"));
    await rig.configure({ build: { ...build, run: "echo begun; sleep 600; true" } });
    const zdr = rig.startZdr(["deploy", "--tag", tag], { env: mark.env });
    await eventually(() => /^begun$/m.test(zdr.said().stderr), { name: "the build runs", timeoutMs: 60_000 });
    zdr.kill("SIGTERM");
    const { code, stderr } = await zdr.done;
    assert.equal(code, 143, stderr);
    assert.match(stderr, /^zdr: state: no host was touched$/m);
    await eventually(async () => (await mark.pids()).length === 0, { name: "the build has ended" });
    await rig.configure({ build });
  });
});

function healthOf({ shop }: { readonly shop: Record<string, unknown> }): unknown {
  return (shop.health as { http: string }).http;
}
