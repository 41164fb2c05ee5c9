/** Programs that take their listening sockets from the keeper. */
import assert from "node:assert/strict";
import { chmod, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { prepareKeeperRig, startKeeperRig } from "../../support/keeper.ts";
import { textAt } from "../../support/load/ask.ts";
import { type Load, startLoad } from "../../support/load/load.ts";

const SOCKET = { strategy: "socket" } as const;
/** Far longer than a program takes until it is ready, or a bad one until it has ended. */
const LONG_MS = 30_000;

async function loadOn(t: TestContext, url: string): Promise<Load> {
  const load = await startLoad({ url, freshPerSecond: 60, keepAliveConnections: 4, ratePerSecond: 40 });
  // Also where the test fails before it has stopped it.
  t.after(() => load.stop().catch(() => {}));
  return load;
}

test("three reloads under load: no request fails, and what is in flight finishes on the old release", async (t) => {
  const rig = await startKeeperRig(t, SOCKET);
  const keeper = await rig.keeperPid();
  const load = await loadOn(t, rig.url);
  const control = await rig.control();
  for (const tag of ["v2", "v3", "v4"]) {
    const slow = rig.get("/slow?v=700");
    await rig.flip(tag);
    assert.equal((await control.ask("reload")).event, "ready");
    assert.match(await slow, new RegExp(`^v${Number(tag.slice(1)) - 1} `));
  }
  await eventually(async () => (await rig.processes()).length === 1, { name: "one generation is left" });
  const { failed, releases } = await load.stop();
  assert.equal(failed, 0);
  assert.ok((releases.v4 ?? 0) > 0);
  assert.deepEqual(await rig.status(), { state: "RUNNING", pid: keeper });
  await rig.supervisord.ctl(["stop", "shop"]);
  assert.deepEqual(await rig.processes(), []);
});

test("a release that crashes, hangs or can not be executed costs nothing", async (t) => {
  const rig = await startKeeperRig(t, { ...SOCKET, spec: { readyMs: LONG_MS } });
  const load = await loadOn(t, rig.url);
  const control = await rig.control();
  await rig.flip("bad", "crash");
  const crashed = await control.ask("reload");
  assert.ok(crashed.event === "failed" && crashed.reason === "exited", JSON.stringify(crashed));
  assert.deepEqual(crashed.status, { code: 3 });
  await rig.flip("bad", "hang");
  await rig.respec({ readyMs: 800 });
  const hung = await control.ask("reload");
  assert.ok(hung.event === "failed" && hung.reason === "not-ready", JSON.stringify(hung));
  for (const mode of [0o644, 0o755]) {
    const file = join(rig.dir, "releases/bad/binary");
    await writeFile(file, "\x7fELF no program\n");
    await chmod(file, mode);
    await rig.respec({ command: [join(rig.dir, "current/binary")], readyMs: LONG_MS });
    assert.equal((await control.ask("reload")).event, "failed");
  }
  assert.equal((await load.stop()).failed, 0);
  assert.match(await rig.get(), /^v1 /);
  await eventually(async () => (await rig.processes()).length === 1, { name: "what was bad is gone" });
});

test("a spec that can not be read refuses the reload, and the old generation serves", async (t) => {
  const rig = await startKeeperRig(t, SOCKET);
  const control = await rig.control();
  await writeFile(join(rig.dir, "run/shop.json"), "{");
  const bad = await control.ask("reload");
  assert.ok(bad.event === "failed" && bad.reason === "bad-spec", JSON.stringify(bad));
  await rig.respec({ listen: [{ name: "other", host: "127.0.0.1", port: rig.port + 1 }] });
  const changed = await control.ask("reload");
  assert.ok(changed.event === "failed" && changed.reason === "needs-restart", JSON.stringify(changed));
  assert.match(await rig.get(), /^v1 /);
});

test("connections wait while a program that crashed is started again", async (t) => {
  const rig = await startKeeperRig(t, SOCKET);
  const keeper = await rig.keeperPid();
  await rig.get("/exit?v=9").catch(() => {});
  assert.match(await rig.get(), /^v1 /);
  await rig.logged(/has ended with status 9/);
  // A release that dies behind its take-over is answered by the next start, and an earlier one gets back as it came.
  await rig.flip("v2", "late-crash");
  const control = await rig.control();
  assert.equal((await control.ask("reload")).event, "ready");
  await rig.logged(/has ended with status 4/);
  await rig.flip("v1");
  assert.equal((await control.ask("reload")).event, "ready");
  assert.match(await rig.get(), /^v1 /);
  assert.deepEqual(await rig.status(), { state: "RUNNING", pid: keeper });
});

test("while a program that crashed is started again, connections are neither refused nor reset: they wait", async (t) => {
  const rig = await startKeeperRig(t, SOCKET);
  await rig.flip("v1", "slow-start");
  for (let crash = 1; crash <= 2; crash++) {
    const [crashing] = await rig.processes();
    await rig.get("/exit?v=9").catch(() => {});
    // Nobody accepts now, and nobody will for half a second.
    const waiting = Array.from({ length: 20 }, () => rig.get());
    for (const answer of await Promise.all(waiting)) assert.match(answer, /^v1 /);
    assert.ok(!(await rig.processes()).includes(crashing ?? 0));
  }
});

test("a changed environment and argv count from the next reload on, and foreign handover variables never", async (t) => {
  const rig = await startKeeperRig(t, {
    ...SOCKET,
    section: "environment=GRACEFUL=1,TABLEFLIP_HAS_PARENT_7DIU3=yes,EINHORN_FD_7=9,KEPT=yes",
  });
  const env = (name: string) => rig.get(`/env?v=${name}`);
  assert.deepEqual(await Promise.all(["GRACEFUL", "TABLEFLIP_HAS_PARENT_7DIU3", "EINHORN_FD_7", "KEPT"].map(env)), [
    "-",
    "-",
    "-",
    "yes",
  ]);
  assert.equal(await env("PWD"), rig.dir);
  assert.equal(await env("ZDR_CURRENT"), join(rig.dir, "current"));
  assert.equal(await env("SERVER_STARTER_PORT"), `127.0.0.1:${rig.port}=3`);
  assert.equal(await env("EINHORN_FD_0"), "3");
  await rig.respec({ environment: { COLOUR: "red" }, cwd: join(rig.dir, "current") });
  assert.equal(await env("COLOUR"), "-");
  await rig.signal("HUP");
  await eventually(async () => (await env("COLOUR")) === "red", { name: "the new environment" });
  // Until it has heard TERM the old generation may still answer.
  await eventually(async () => (await env("PWD")) === join(rig.dir, "current"), { name: "the new cwd as PWD" });
});

/** Over a unix socket. */
function getOn(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, headers: { connection: "close" } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve(body));
    })
      .on("error", reject)
      .end();
  });
}

test("IPv4, IPv6 and unix sockets are passed together, and a stale socket file is no obstacle", async (t) => {
  const rig = await prepareKeeperRig(t, SOCKET);
  const path = join(rig.dir, "run/shop/app.sock");
  await rig.respec({
    listen: [
      { name: "four", host: "127.0.0.1", port: rig.port },
      { name: "six", host: "::1", port: rig.port },
      { name: "local", path, mode: 0o666 },
    ],
  });
  await rig.flip("v1");
  for (const killed of [true, false]) {
    await rig.supervisord.ctl(["start", "shop"]);
    await eventually(() => rig.get(), { name: "v1 answers" });
    assert.match(await textAt(`http://[::1]:${rig.port}/`), /^v1 /);
    assert.equal(await getOn(path, "/env?v=LISTEN_FDNAMES"), "four:six:local");
    assert.equal((await stat(path)).mode & 0o777, 0o666);
    if (killed) process.kill(await rig.keeperPid(), "SIGKILL");
    await eventually(async () => !killed || (await rig.status()).state !== "RUNNING", {
      name: "supervisor has noticed",
    });
  }
  await rig.supervisord.ctl(["stop", "shop"]);
  await assert.rejects(stat(path), { code: "ENOENT" });
});

test("an address in use is told by name, and nothing is started", async (t) => {
  const rig = await prepareKeeperRig(t, SOCKET);
  const other = await startKeeperRig(t, SOCKET);
  await rig.respec({ listen: [{ name: "http", host: "127.0.0.1", port: other.port }] });
  await rig.flip("v1");
  await rig.supervisord.ctl(["start", "shop"]);
  await rig.logged(new RegExp(`cannot-listen: 127.0.0.1 port ${other.port}: EADDRINUSE`));
  assert.deepEqual(await rig.processes(), []);
  assert.match(await other.get(), /^v1 /);
});

test("where Node does not bind any more, python3 does, in the same process", async (t) => {
  const hide = `data:text/javascript,import net from "node:net"; delete net._createServerHandle;`;
  const rig = await prepareKeeperRig(t, { ...SOCKET, node: [process.execPath, "--import", `'${hide}'`] });
  await rig.flip("v1");
  await rig.supervisord.ctl(["start", "shop"]);
  assert.match(await eventually(() => rig.get(), { name: "v1 answers" }), /^v1 /);
  await rig.flip("v2");
  assert.equal((await (await rig.control()).ask("reload")).event, "ready");
  assert.match(await rig.get(), /^v2 /);
});

test("a generation that drains is told of with the connections that it has open", async (t) => {
  const rig = await startKeeperRig(t, SOCKET);
  const slow = rig.get("/slow?v=3000");
  await rig.get();
  await rig.flip("v2");
  const control = await rig.control();
  assert.equal((await control.ask("reload")).event, "ready");
  const state = await control.ask("state");
  assert.ok(state.event === "state");
  const told = state.generations.map(({ stage, connections }) => ({ stage, connections }));
  assert.deepEqual(told, [
    { stage: "draining", connections: 1 },
    { stage: "ready", connections: undefined },
  ]);
  assert.match(await slow, /^v1 /);
});

test("a generation that does not hear TERM is killed past its drain limit", async (t) => {
  const rig = await prepareKeeperRig(t, { ...SOCKET, spec: { drainMs: 500 } });
  await rig.flip("v1", "deaf");
  await rig.supervisord.ctl(["start", "shop"]);
  await eventually(() => rig.get(), { name: "v1 answers" });
  await rig.flip("v2");
  assert.equal((await (await rig.control()).ask("reload")).event, "ready");
  await rig.logged(/has ended by signal 9/);
  assert.match(await rig.get(), /^v2 /);
});
