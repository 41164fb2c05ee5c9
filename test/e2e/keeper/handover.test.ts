/** Programs that start their successors themselves, under the keeper and a real supervisord. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { type KeeperRig, startKeeperRig } from "../../support/keeper.ts";
import { startLoad } from "../../support/load/load.ts";

const HANDOVER = { strategy: "handover" } as const;
/** Far longer than a program takes until it is ready, or a bad one until it has ended. */
const LONG_MS = 30_000;

/** Supervisor's own lines about the program. */
async function supervisorSays(rig: KeeperRig, pattern: RegExp): Promise<void> {
  await eventually(async () => pattern.test(await rig.supervisord.log()), { name: `supervisord logs ${pattern}` });
}

async function isEmpty(rig: KeeperRig): Promise<void> {
  await eventually(async () => (await rig.processes()).length === 0, { name: "no process of the program is left" });
}

test("three handovers under load: no request fails, the keeper's pid stays, and the log is complete", async (t) => {
  const rig = await startKeeperRig(t, HANDOVER);
  const keeper = await rig.keeperPid();
  const load = await startLoad({ url: rig.url, freshPerSecond: 100, keepAliveConnections: 0, ratePerSecond: 0 });
  t.after(() => load.stop().catch(() => {}));
  const control = await rig.control();
  for (const tag of ["v2", "v3", "v4"]) {
    const slow = rig.get("/slow?ms=700");
    await rig.flip(tag);
    const reply = await control.ask("reload");
    assert.equal(reply.event, "ready");
    assert.match(await rig.get(`/log?v=${tag}`), new RegExp(`^${tag} `));
    assert.match(await slow, new RegExp(`^v${Number(tag.slice(1)) - 1} `));
  }
  const { failed, releases } = await load.stop();
  assert.equal(failed, 0);
  assert.deepEqual(Object.keys(releases).sort(), ["v1", "v2", "v3", "v4"]);
  assert.deepEqual(await rig.status(), { state: "RUNNING", pid: keeper });
  const lines = (await rig.log()).split("\n");
  for (const tag of ["v1", "v2", "v3"]) assert.ok(lines.includes(`release ${tag} is done`));
  for (const tag of ["v2", "v3", "v4"]) assert.ok(lines.includes(`line ${tag} of ${tag}`));
});

test("a stop waits for the request in flight and leaves nothing, also after a handover; a restart works", async (t) => {
  const rig = await startKeeperRig(t, HANDOVER);
  await rig.flip("v2");
  await (await rig.control()).ask("reload");
  const slow = rig.get("/slow?ms=1000");
  await rig.signal("USR1");
  await rig.logged(/v2 got SIGUSR1/);
  assert.match((await rig.supervisord.ctl(["stop", "shop"])).stdout, /stopped/);
  assert.match(await slow, /^v2 /);
  assert.deepEqual(await rig.processes(), []);
  await supervisorSays(rig, /stopped: shop \(exit status 0\)/);
  await rig.supervisord.ctl(["restart", "shop"]);
  assert.match(await rig.get(), /^v2 /);
});

test("a signal right after the start is passed on when the program accepts", async (t) => {
  const rig = await startKeeperRig(t, HANDOVER);
  await rig.supervisord.ctl(["stop", "shop"]);
  await rig.flip("v1", "slow-start");
  const starting = rig.supervisord.ctl(["start", "shop"]);
  // A process is there before it has read its release.
  await rig.logged(/release v1 starts slowly/);
  const [pid] = await rig.processes();
  await rig.flip("v2");
  process.kill(await rig.keeperPid(), "SIGUSR2");
  process.kill(await rig.keeperPid(), "SIGUSR1");
  await starting;
  await eventually(async () => (await rig.get()).startsWith("v2 "), { name: "v2 answers" });
  await rig.logged(/release v1 got SIGUSR2/);
  await rig.logged(/got SIGUSR1/);
  await rig.logged(new RegExp(`pid ${pid} has ended with status 0`));
});

test("two reloads at once are done one after the other, and both are answered", async (t) => {
  const rig = await startKeeperRig(t, HANDOVER);
  await rig.flip("v2");
  const control = await rig.control();
  const slow = rig.get("/slow?ms=800");
  const [first, second] = await Promise.all([control.ask("reload"), control.ask("reload")]);
  assert.match(await slow, /^v1 /);
  assert.deepEqual([first.event, second.event], ["ready", "ready"]);
  assert.ok(first.event === "ready" && second.event === "ready" && first.pid !== second.pid);
  assert.ok(control.replies.some(({ id, event }) => id === 2 && event === "queued"));
  assert.equal((await rig.log()).match(/got SIGUSR2/g)?.length, 2);
  await eventually(async () => (await rig.processes()).length === 1, { name: "one generation is left" });
});

test("a program that leaves at once is followed, with another process group and argv, or without the lifeline", async (t) => {
  for (const word of ["--new-group", "--close-inherited"]) {
    const rig = await startKeeperRig(t, { ...HANDOVER, words: ["--leave", "at-once", word] });
    const keeper = await rig.keeperPid();
    const control = await rig.control();
    for (const tag of ["v2", "v3"]) {
      await rig.flip(tag, "slow-start");
      assert.equal((await control.ask("reload")).event, "ready", word);
      assert.match(await rig.get(), new RegExp(`^${tag} `));
    }
    assert.equal(await rig.keeperPid(), keeper);
    await rig.supervisord.ctl(["stop", "shop"]);
    assert.deepEqual(await rig.processes(), [], word);
  }
});

test("a program whose path has other letters than ASCII is followed, also without the lifeline", async (t) => {
  const words = ["--leave", "at-once", "--close-inherited"];
  const rig = await startKeeperRig(t, { ...HANDOVER, words, folder: "zdrk-été-" });
  const keeper = await rig.keeperPid();
  await rig.flip("v2", "slow-start");
  assert.equal((await (await rig.control()).ask("reload")).event, "ready");
  assert.match(await rig.get(), /^v2 /);
  assert.equal(await rig.keeperPid(), keeper);
  await rig.supervisord.ctl(["stop", "shop"]);
  assert.deepEqual(await rig.processes(), []);
});

test("a handover that nobody told the keeper of is followed", async (t) => {
  const rig = await startKeeperRig(t, HANDOVER);
  const keeper = await rig.keeperPid();
  for (const tag of ["v2", "v3"]) {
    await rig.flip(tag);
    const [program] = await rig.processes();
    assert.ok(program);
    process.kill(program, "SIGUSR2");
    await eventually(async () => (await rig.get()).startsWith(`${tag} `), { name: `${tag} answers` });
    await eventually(async () => (await rig.processes()).length === 1, { name: "the old one has gone" });
  }
  assert.deepEqual(await rig.status(), { state: "RUNNING", pid: keeper });
  await rig.supervisord.ctl(["stop", "shop"]);
  assert.deepEqual(await rig.processes(), []);
});

test("a successor that crashes or hangs costs nothing where the old one waits for it", async (t) => {
  const rig = await startKeeperRig(t, { ...HANDOVER, spec: { readyMs: 1_200 } });
  const control = await rig.control();
  for (const [fault, reasons] of [
    ["hang", ["not-ready"]],
    ["crash", ["exited", "no-successor"]],
  ] as const) {
    await rig.flip("bad", fault);
    const reply = await control.ask("reload");
    assert.ok(reply.event === "failed" && (reasons as readonly string[]).includes(reply.reason), JSON.stringify(reply));
    assert.match(await rig.get(), /^v1 /);
    await eventually(async () => (await rig.processes()).length === 1, { name: `what ${fault} left is gone` });
  }
  // Short for those that never are; the good one may take its time.
  await rig.respec({ readyMs: LONG_MS });
  await rig.flip("v2");
  assert.equal((await control.ask("reload")).event, "ready");
  assert.match(await rig.get(), /^v2 /);
});

test("a successor that is gone before anybody has seen it is told as one that ended", async (t) => {
  const rig = await startKeeperRig(t, { ...HANDOVER, words: ["--successor-is", "/bin/false"] });
  const reply = await (await rig.control()).ask("reload");
  assert.ok(reply.event === "failed" && reply.reason === "exited", JSON.stringify(reply));
  assert.match(await rig.get(), /^v1 /);
});

test("a program that checks the new release by its own name before it forks is not taken for one whose successor crashed", async (t) => {
  const rig = await startKeeperRig(t, { ...HANDOVER, words: ["--checks"] });
  await rig.flip("v2");
  const reply = await (await rig.control()).ask("reload");
  assert.equal(reply.event, "ready", JSON.stringify(reply));
  assert.match(await rig.get(), /^v2 /);
});

test("a hung successor of a program that has left is ended by abort, and the program is started again", async (t) => {
  const rig = await startKeeperRig(t, { ...HANDOVER, words: ["--leave", "at-once"], spec: { readyMs: 1_200 } });
  const keeper = await rig.keeperPid();
  const control = await rig.control();
  await rig.flip("bad", "hang");
  const reply = await control.ask("reload");
  assert.ok(reply.event === "failed" && reply.reason === "not-ready", JSON.stringify(reply));
  await rig.flip("v1");
  const aborted = await control.ask("abort");
  assert.ok(aborted.event === "aborted" && aborted.ended.length === 1);
  await eventually(async () => (await rig.get()).startsWith("v1 "), { name: "v1 answers again" });
  assert.equal(await rig.keeperPid(), keeper);
});

test("a program that nobody may look into is followed by its name and process group", async (t) => {
  const rig = await startKeeperRig(t, { ...HANDOVER, words: ["--undumpable"], spec: { readyMs: 1_500 } });
  const control = await rig.control();
  await rig.flip("v2");
  assert.equal((await control.ask("reload")).event, "ready");
  assert.match(await rig.get(), /^v2 /);
  await rig.supervisord.ctl(["stop", "shop"]);
  await assert.rejects(rig.get());
});

test("a program that ended in a reload is started again through current, under the same pid", async (t) => {
  const rig = await startKeeperRig(t, { ...HANDOVER, words: ["--leave", "at-once"] });
  const keeper = await rig.keeperPid();
  const control = await rig.control();
  await rig.flip("bad", "crash");
  const reply = await control.ask("reload");
  assert.ok(reply.event === "failed" && reply.reason === "exited", JSON.stringify(reply));
  await rig.flip("v1");
  assert.equal((await control.ask("abort")).event, "aborted");
  await eventually(async () => (await rig.get()).startsWith("v1 "), { name: "v1 answers again" });
  assert.deepEqual(await rig.status(), { state: "RUNNING", pid: keeper });
});

test("the program's own status is passed up, and a status that nobody can know is 1", async (t) => {
  const rig = await startKeeperRig(t, HANDOVER);
  await rig.get("/exit?code=7").catch(() => {});
  await supervisorSays(rig, /exited: shop \(exit status 7; not expected\)/);
  await eventually(async () => (await rig.get()).startsWith("v1 "), { name: "supervisor has started it again" });
  await rig.flip("v2");
  assert.equal((await (await rig.control()).ask("reload")).event, "ready");
  await rig.get("/exit?code=0").catch(() => {});
  await supervisorSays(rig, /exited: shop \(exit status 1; not expected\)/);
});

test("a program that is killed ends its keeper with 128 and the signal's number, as a shell tells it", async (t) => {
  const rig = await startKeeperRig(t, { ...HANDOVER, section: "autorestart=false" });
  const [program] = await rig.processes();
  process.kill(program ?? assert.fail(), "SIGKILL");
  await supervisorSays(rig, /exited: shop \(exit status 137; not expected\)/);
});

test("what a socket master told the keeper is not told to the program, nor what its own parent did", async (t) => {
  const foreign = ["LISTEN_FDS=1", "LISTEN_PID=1", "ENDLESS_CONTINUE=1", "IS_GRACEFUL=1", "OVERSEER_IS_SLAVE=1"];
  const rig = await startKeeperRig(t, { ...HANDOVER, section: `environment=${[...foreign, "KEPT=yes"].join(",")}` });
  const names = [...foreign.map((each) => each.replace(/=.*/, "")), "KEPT"];
  const told = await Promise.all(names.map((name) => rig.get(`/env?name=${name}`)));
  assert.deepEqual(told, [...foreign.map(() => "-"), "yes"]);
});

test("an old generation that does not go is ended past its drain limit", async (t) => {
  const rig = await startKeeperRig(t, { ...HANDOVER, words: ["--leave", "never"], spec: { drainMs: 500 } });
  await rig.flip("v2");
  assert.equal((await (await rig.control()).ask("reload")).event, "ready");
  await eventually(async () => (await rig.processes()).length === 1, { name: "the old one is gone" });
  assert.match(await rig.get(), /^v2 /);
});

test("a helper that holds the lifeline hides no end of the program", async (t) => {
  const rig = await startKeeperRig(t, { ...HANDOVER, words: ["--helper"], section: "autorestart=false" });
  await rig.flip("v2");
  assert.equal((await (await rig.control()).ask("reload")).event, "ready");
  await rig.get("/exit?code=0").catch(() => {});
  await supervisorSays(rig, /exited: shop \(exit status 1; not expected\)/);
  await isEmpty(rig);
});
