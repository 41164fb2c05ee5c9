/** The keeper itself: what it leaves, what it costs, and who may talk to it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, chown, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseProveAnswer } from "../../../agent/core/process/prove-answer.ts";
import { formatProveRequest } from "../../../agent/core/process/prove-text.ts";
import { KEEPER_NODE_FLAGS } from "../../../agent/core/section.ts";
import { bootId, readProcess } from "../../../agent/io/process/processes.ts";
import { eventually } from "../../support/eventually.ts";
import { type KeeperRig, prepareKeeperRig, startKeeperRig } from "../../support/keeper.ts";
import { privateMegabytes } from "../../support/memory.ts";
import { run } from "../../support/processes.ts";
import { node18 } from "../../support/rig.ts";

async function stateOf(rig: KeeperRig) {
  const reply = await (await rig.control()).ask("state");
  if (reply.event !== "state") throw new Error(JSON.stringify(reply));
  return reply;
}

test("what a killed keeper leaves is ended before the next one starts anything", async (t) => {
  const rig = await startKeeperRig(t, { strategy: "handover", words: ["--new-group", "--leave", "at-once"] });
  await rig.flip("v2");
  assert.equal((await (await rig.control()).ask("reload")).event, "ready");
  const [leftover] = await rig.processes();
  process.kill(await rig.keeperPid(), "SIGKILL");
  await eventually(
    async () => (await rig.get()).startsWith("v2 ") && !(await rig.processes()).includes(leftover ?? 0),
    {
      name: "another process serves",
    },
  );
  await rig.logged(new RegExp(`ended what a killed keeper had left: pid ${leftover}`));
  assert.equal((await rig.processes()).length, 1);
  await eventually(async () => (await rig.status()).state === "RUNNING", { name: "supervisor says RUNNING" });
});

for (const [strategy, words] of [
  ["handover", ["--new-group"]],
  ["socket", []],
] as const) {
  test(`${strategy}: a stop drains every generation that is there, each by its pid, and leaves nothing`, async (t) => {
    const rig = await startKeeperRig(t, { strategy, words, spec: { drainMs: 30_000 } });
    const key = strategy === "handover" ? "ms" : "v";
    const first = rig.get(`/slow?${key}=10000`);
    await rig.get();
    await rig.flip("v2");
    const control = await rig.control();
    assert.equal((await control.ask("reload")).event, "ready");
    // Until it has heard TERM the old generation may still answer.
    await eventually(async () => (await rig.get()).startsWith("v2 "), { name: "v2 answers" });
    const second = rig.get(`/slow?${key}=10000`);
    await rig.get();
    assert.equal((await rig.processes()).length, 2);
    assert.match((await rig.supervisord.ctl(["stop", "shop"])).stdout, /stopped/);
    assert.match(await first, /^v1 /);
    assert.match(await second, /^v2 /);
    assert.deepEqual(await rig.processes(), []);
    await eventually(async () => /stopped: shop \(exit status 0\)/.test(await rig.supervisord.log()), {
      name: "supervisord logs an end with 0",
    });
  });
}

test("a leftover that nobody can end is told by its pid, and nothing is started beside it", async (t) => {
  const rig = await prepareKeeperRig(t, { strategy: "handover", spec: { drainMs: 1_000 } });
  await rig.flip("v1");
  // root's: the keeper may not signal it, as one whose program has become another user.
  const leftover = spawn("sleep", ["600"]);
  t.after(() => leftover.kill("SIGKILL"));
  const { pid = 0 } = leftover;
  const startTicks = readProcess(pid)?.startTicks ?? 0;
  const keeper = { pid: process.pid, startTicks: 0, pgrp: 0 };
  const state = { bootId: bootId(), keeper, generations: [{ pid, startTicks }] };
  await writeFile(join(rig.dir, "run/shop/keeper.json"), JSON.stringify(state));
  await rig.supervisord.ctl(["start", "shop"]);
  await rig.logged(new RegExp(`pid ${pid}, .* can not be ended`));
  await eventually(async () => /exited: shop \(exit status 1; not expected\)/.test(await rig.supervisord.log()), {
    name: "supervisord hears of it",
  });
  assert.deepEqual(await rig.processes(), []);
  leftover.kill("SIGKILL");
  await eventually(async () => (await rig.get()).startsWith("v1 "), { name: "v1 answers once it has gone" });
});

test("a second keeper of the same program refuses to start", async (t) => {
  const rig = await startKeeperRig(t, { strategy: "handover" });
  const keeper = await rig.keeperPid();
  const { code, stderr } = await run([process.execPath, join(rig.dir, "keeper.cjs"), join(rig.dir, "run/shop.json")]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`pid ${keeper} keeps this program already`));
  assert.match(await rig.get(), /^v1 /);
});

/** Of a process so far, in clock ticks. */
async function ticksOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

for (const strategy of ["handover", "socket"] as const) {
  test(`${strategy}: while nothing happens the keeper uses no CPU, and its memory stays small through reloads`, async (t) => {
    const rig = await startKeeperRig(t, { strategy });
    const keeper = await rig.keeperPid();
    const control = await rig.control();
    for (let reload = 0; reload < 6; reload++) assert.equal((await control.ask("reload")).event, "ready");
    await eventually(async () => (await rig.processes()).length === 1, { name: "one generation is left" });
    await stateOf(rig);
    // What the reloads left to do (garbage, the last look) is done when a while brings no tick.
    await eventually(
      async () => {
        const before = await ticksOf(keeper);
        await sleep(2_000);
        return (await ticksOf(keeper)) === before;
      },
      { name: "two seconds without a tick" },
    );
    const megabytes = await privateMegabytes(keeper);
    t.diagnostic(`private memory: ${megabytes.toFixed(1)} MB`);
    assert.ok(megabytes < 14, `${megabytes} MB`);
  });
}

test("the control socket tells generations, answers verbs of the future and nonsense, and is the group's", async (t) => {
  const rig = await startKeeperRig(t, { strategy: "socket" });
  assert.equal((await stat(join(rig.dir, "run/shop/keeper.sock"))).mode & 0o777, 0o660);
  const state = await stateOf(rig);
  const [program] = await rig.processes();
  const [generation, ...rest] = state.generations;
  assert.ok(generation !== undefined && rest.length === 0);
  assert.equal(state.keeper.pid, await rig.keeperPid());
  assert.deepEqual([generation.pid, generation.accepting], [program, [program]]);
  assert.deepEqual([generation.ready, generation.draining, state.reloading], [true, false, false]);
  const { dev, ino } = await stat(process.execPath, { bigint: true });
  assert.deepEqual(generation.exe, [`${dev}`, `${ino}`]);

  const control = await rig.control();
  assert.deepEqual(await control.ask("dance"), { event: "unsupported", id: 1, verb: "dance" });
  assert.equal((await control.say("no json")).event, "bad-request");
  assert.deepEqual(await control.ask("abort", { unheard: "of" }), { event: "aborted", id: 2, ended: [] });
  const question = formatProveRequest({ pids: [program ?? 0], roots: [] });
  const proof = await control.ask("prove", { question });
  const [look] = proof.event === "proof" ? (parseProveAnswer(proof.answer) ?? []) : [];
  assert.ok(look?.outcome === "seen" && look.facts.accepts === "yes");
});

test("a socket path that is too long costs the control socket, not the program", async (t) => {
  const rig = await prepareKeeperRig(t, { strategy: "socket" });
  const long = join(rig.dir, "x".repeat(90));
  await mkdir(long);
  await rename(join(rig.dir, "run"), join(long, "run"));
  await rig.supervisord.addProgram(
    "long",
    `[program:long]
command=${process.execPath} ${join(rig.dir, "keeper.cjs")} ${join(long, "run/shop.json")}
user=nobody
redirect_stderr=true
stdout_logfile=${join(rig.dir, "shop.log")}
`,
  );
  await rig.flip("v1");
  await rig.supervisord.ctl(["update"]);
  await eventually(() => rig.get(), { name: "v1 answers" });
  assert.match(await rig.log(), /no control socket: .*over 107 bytes/);
});

test("the keeper runs on Node 18", async (t) => {
  const node = await node18();
  const rig = await startKeeperRig(t, { strategy: "socket", node: [node, ...KEEPER_NODE_FLAGS] });
  await rig.flip("v2");
  assert.equal((await (await rig.control()).ask("reload")).event, "ready");
  assert.match(await rig.get(), /^v2 /);
  assert.equal((await rig.supervisord.ctl(["stop", "shop"])).stdout, "shop: stopped\n");
  assert.deepEqual(await rig.processes(), []);
});

test("a keeper that may no longer write to its folder ends as the program did, and is started again", async (t) => {
  const rig = await startKeeperRig(t, { strategy: "handover" });
  const folder = join(rig.dir, "run/shop");
  await chown(folder, 0, 0);
  await chmod(folder, 0o700);
  const [pid] = await rig.processes();
  process.kill(pid ?? 0, "SIGKILL");
  await eventually(async () => /exited: shop \(exit status 137; not expected\)/.test(await rig.supervisord.log()), {
    name: "supervisord hears how it ended",
  });
  await eventually(async () => (await rig.get()).startsWith("v1 ") && !(await rig.processes()).includes(pid ?? 0), {
    name: "another process serves",
  });
  await eventually(async () => (await rig.status()).state === "RUNNING", { name: "supervisor says RUNNING" });
  assert.match((await rig.supervisord.ctl(["stop", "shop"])).stdout, /stopped/);
  await eventually(async () => /stopped: shop \(exit status 0\)/.test(await rig.supervisord.log()), {
    name: "a stop ends with 0",
  });
  assert.deepEqual(await rig.processes(), []);
  assert.doesNotMatch(await rig.log(), /bug:/);
});
