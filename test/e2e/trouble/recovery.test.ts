/** The agent itself is killed in the middle of an activation: the next command on that host ends what it left. */
import assert from "node:assert/strict";
import { readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { answerAt, textAt } from "../../support/load/ask.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import type { Variant } from "../../support/samples.ts";

describe("what a killed agent left", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url: string;
  let count = 0;
  /** The release whose activation is cut short, new for each test. */
  let tag: string;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    ({ url } = await rig.addSample("gunicorn", { watch: "2s" }, { timeout: "3s" }));
    await rig.useSample("gunicorn", { release: "v0" });
    await rig.zdr(["setup"]);
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v0"]);
    assert.equal(code, 0, stderr);
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  beforeEach(() => {
    tag = `v${++count}`;
  });

  const zdrFolder = () => join(rig.deployTo, ".zdr");
  const current = async () => (await readlink(join(rig.deployTo, "current"))).replace("releases/", "");
  const version = () => textAt(`${url}/version`);
  const ledger = async (): Promise<string[]> => {
    const lines = (await readFile(join(zdrFolder(), "ledger.ndjson"), "utf8")).trim().split("\n");
    const entries = lines.map((line) => JSON.parse(line) as { tag: string; event: string });
    return entries.filter((entry) => entry.tag === tag).map(({ event }) => event);
  };
  const agentPid = async (): Promise<number> => {
    const name = (await readdir(zdrFolder())).find((file) => /^lock\.\d+$/.test(file)) ?? "lock is missing";
    return (JSON.parse(await readFile(join(zdrFolder(), name), "utf8")) as { pid: number }).pid;
  };

  const sectionFile = async (): Promise<string> => {
    for (const name of await readdir(rig.supervisord.confDir)) {
      if ((await readFile(join(rig.supervisord.confDir, name), "utf8")).includes("[program:shop]")) return name;
    }
    throw new Error("setup has written no section");
  };

  /** Hooks that write down when they run, and why. */
  const diary = () => join(rig.dir, "diary");
  const noteHooks = async () => {
    const events = ["before_activate", "after_activate", "before_keep", "after_keep", "before_revert", "after_revert"];
    const line = [{ shell: `echo $ZDR_HOOK $ZDR_WHY >>${diary()}; [ $ZDR_HOOK != after_keep ]` }];
    await rig.configure({ hooks: Object.fromEntries(events.map((when) => [when, line])) });
  };
  const hooksRun = async () => (await readFile(diary(), "utf8")).trimEnd().split("\n");

  /** Deploys, and kills the agent as soon as this is true. */
  const killAgentWhen = async (variant: Variant, name: string, fact: () => Promise<boolean>) => {
    await rig.useSample("gunicorn", { release: tag, variant });
    const zdr = rig.startZdr(["deploy", "--tag", tag]);
    await eventually(fact, { name, timeoutMs: 30_000 });
    process.kill(await agentPid(), "SIGKILL");
    return zdr.done;
  };
  const isFlipped = async () => (await current()) === tag;

  test("a release that does not prove itself is taken back by the next command, which says so", async () => {
    await noteHooks();
    const cut = await killAgentWhen("unhealthy", "the flip", isFlipped);
    // Nobody is told that the host is as before.
    assert.equal(cut.code, 8);
    assert.match(cut.stderr, /^zdr: error: local: the agent ended during activate: exit SIGKILL$/m);
    const state = `local was left in the middle of activating ${tag} by an agent that has ended: the next zdr deploy or zdr reload there keeps ${tag} or reverts`;
    assert.ok(cut.stderr.includes(`zdr: state: ${state}\n`), cut.stderr);
    assert.doesNotMatch(cut.stderr, /by itself|left to its agent/);
    const { code, stderr } = await rig.zdr(["reload"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`the activation of ${tag} had been interrupted; .* v0 serves again`));
    assert.equal(await version(), "v0");
    assert.deepEqual((await ledger()).slice(-2), ["bad", "reverted"]);
    const run = await hooksRun();
    assert.deepEqual(
      [run[0], ...run.slice(-2)],
      ["before_activate deploy", "before_revert recovery", "after_revert recovery"],
    );
  });

  test("a release that proves itself is kept, and the hooks that were still to come have run, after_keep once", async () => {
    await rm(diary(), { force: true });
    await killAgentWhen(
      "good",
      "the flip and the reload",
      async () => (await isFlipped()) && (await version()) === tag,
    );
    const { code, stderr } = await rig.zdr(["reload"]);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      new RegExp(`the activation of ${tag} had been interrupted; it was finished, and ${tag} serves`),
    );
    assert.match(stderr, /warning: local: the hook after_keep failed/);
    assert.equal(await version(), tag);
    assert.equal((await ledger()).at(-1), "good");
    const run = await hooksRun();
    assert.equal(run[0], "before_activate deploy");
    const recovered = run.filter((line) => line.endsWith("recovery"));
    assert.deepEqual(recovered, ["after_activate recovery", "before_keep recovery", "after_keep recovery"]);
    assert.equal(run.filter((line) => line.startsWith("after_keep")).length, 1);
    await rig.configure({ hooks: undefined });
  });

  test("a way back that was begun is gone to its end, also where current says already what it should", async () => {
    const before = await version();
    const isGoingBack = async () => (await ledger()).includes("bad") && (await current()) === before;
    await killAgentWhen("unhealthy", "the flip back", isGoingBack);
    const { code, stderr } = await rig.zdr(["reload"]);
    assert.equal(code, 0, stderr);
    assert.equal(await current(), before);
    assert.equal(await version(), before);
    assert.equal((await ledger()).at(-1), "reverted");
    assert.equal((await answerAt(`${url}/healthz`)).status, 200);
  });

  test("a release whose activation was cut short twice is not tried a third time: it may be what cuts it short", async () => {
    const before = await version();
    await killAgentWhen("good", "the flip", isFlipped);
    const second = rig.startZdr(["reload"]);
    const events = async () => (await ledger()).filter((event) => event === "activating").length;
    await eventually(async () => (await events()) === 2, { name: "it is tried again", timeoutMs: 60_000 });
    process.kill(await agentPid(), "SIGKILL");
    assert.notEqual((await second.done).code, 0);
    const { code, stderr } = await rig.zdr(["reload"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`the activation of ${tag} had been interrupted; .* ${before} serves again`));
    assert.deepEqual([await events(), (await ledger()).at(-1)], [2, "reverted"]);
    assert.equal(await version(), before);
  });

  test("a command that is refused behind that says what was done first, and no host that was not touched", async () => {
    const section = join(rig.supervisord.confDir, await sectionFile());
    const text = await readFile(section, "utf8");
    const before = await version();
    for (const next of [["deploy", "--tag", "refused"], ["reload"]]) {
      await killAgentWhen("unhealthy", "the flip", isFlipped);
      // Not adopted: nothing may be told to the program that supervisord has another section of.
      await writeFile(section, text.replace("[program:shop]\n", "[program:shop]\nstartretries=7\n"));
      const { code, stderr } = await rig.zdr(next);
      await writeFile(section, text);
      assert.equal(code, 5, stderr);
      assert.match(stderr, /the section of shop was changed/);
      const said = `the activation of ${tag} had been interrupted; it did not prove itself, and ${before} serves again`;
      const state = `local was not touched, but for what a dead agent had left there: ${said}`;
      assert.ok(stderr.includes(`zdr: state: ${state}\n`), stderr);
      assert.equal(await version(), before);
      tag = `v${++count}`;
    }
  });
});
