/** Programs that are handed IPv6 and unix sockets: deploys under load, over each of them, and what becomes of the files. */
import assert from "node:assert/strict";
import { chmod, chown, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { failuresOf, reportIn } from "../../support/load/deploy-series.ts";
import { freePort } from "../../support/load/free-port.ts";
import { startLoad } from "../../support/load/load.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import type { SampleName } from "../../support/samples.ts";
import { userNamed } from "../../support/users.ts";

const HASTE = { watch: 0, start_seconds: 1 };
const LOAD = { keepAliveConnections: 2, freshPerSecond: 30, ratePerSecond: 30 };
const REQUESTS = 100;

async function ok(rig: Rig, ...args: string[]) {
  const result = await rig.zdr(args);
  assert.equal(result.code, 0, `zdr ${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return result;
}

/** Body of a GET over a unix socket. */
function getOver(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve(body.trim()));
    });
    sent.on("error", reject).end();
  });
}

const socketOf = (rig: Rig) => join(rig.deployTo, "run/shop/http.sock");

/** A host whose program listens on a unix socket alone, and is asked for its health over it. */
async function unixRig(t: TestContext, sample: SampleName, more: object = {}): Promise<Rig> {
  const rig = await startRig(t);
  const unix = socketOf(rig);
  await rig.addSample(
    sample,
    { ...HASTE, listen: [{ unix, mode: "0666" }], ...more },
    { http: "http://localhost/healthz", socket: unix, timeout: "8s" },
  );
  await rig.useSample(sample, { release: "v1" });
  await ok(rig, "setup");
  return rig;
}

for (const sample of ["go-listenfds", "node-listenfds"] as const) {
  test(`${sample} on a unix socket: no request fails in a reload or a bad release, and its health is asked over it`, async (t) => {
    const rig = await unixRig(t, sample);
    const path = socketOf(rig);
    await ok(rig, "deploy", "--tag", "v1");
    const { ino } = await stat(path);
    const load = await startLoad({ ...LOAD, url: "http://localhost/version", socketPath: path });
    t.after(() => load.stop().catch(() => {}));
    await rig.useSample(sample, { release: "v2" });
    const { stdout, stderr } = await ok(rig, "deploy", "--tag", "v2", "--json");
    const report = reportIn(stdout, stderr);
    assert.deepEqual([report.action, report.proof, report.meter?.during.failed], ["reload", "processes", 0]);
    assert.ok((report.meter?.during.sent ?? 0) > 0, "nothing was measured over the socket");
    await rig.useSample(sample, { release: "v3", variant: "unhealthy" });
    assert.equal((await rig.zdr(["deploy", "--tag", "v3"])).code, 7);
    await load.reached(REQUESTS);
    assert.deepEqual(failuresOf(await load.stop()), []);
    assert.equal(await getOver(path, "/version"), "v2");
    const found = await stat(path);
    assert.deepEqual([found.ino, found.mode & 0o777], [ino, 0o666]);

    await ok(rig, "stop");
    await assert.rejects(stat(path), { code: "ENOENT" });
  });
}

test("go-listenfds on IPv6 and IPv4, each with all addresses and one port: no request fails over either", async (t) => {
  const rig = await startRig(t);
  const port = await freePort();
  const listen = [`0.0.0.0:${port}`, `[::]:${port}`];
  const http = `http://[::1]:${port}/healthz`;
  await rig.addSample("go-listenfds", { ...HASTE, listen }, { http, timeout: "8s" });
  await rig.useSample("go-listenfds", { release: "v1" });
  await ok(rig, "setup");
  await ok(rig, "deploy", "--tag", "v1");
  const urls = [`http://[::1]:${port}/version`, `http://127.0.0.1:${port}/version`];
  const loads = await Promise.all(urls.map((url) => startLoad({ ...LOAD, url })));
  t.after(() => Promise.all(loads.map((load) => load.stop().catch(() => {}))));
  await rig.useSample("go-listenfds", { release: "v2" });
  const { stdout, stderr } = await ok(rig, "deploy", "--tag", "v2", "--json");
  assert.equal(reportIn(stdout, stderr).proof, "processes");
  for (const load of loads) {
    await load.reached(REQUESTS);
    const result = await load.stop();
    assert.deepEqual(failuresOf(result), []);
    assert.ok((result.releases.v1 ?? 0) > 0 && (result.releases.v2 ?? 0) > 0, JSON.stringify(result.releases));
  }
});

test("the mode of a socket follows deploy.yml, its owner is the program's user, its group the folder's", async (t) => {
  const { uid } = await userNamed("www-data");
  const { gid } = await userNamed("games");
  const rig = await unixRig(t, "go-listenfds", { user: "www-data" });
  const path = socketOf(rig);
  await chown(join(rig.deployTo, "run/shop"), uid, gid);
  await chmod(join(rig.deployTo, "run/shop"), 0o2755);
  await ok(rig, "deploy", "--tag", "v1");
  const access = async () => {
    const found = await stat(path);
    return [found.uid, found.gid, (found.mode & 0o777).toString(8)];
  };
  assert.deepEqual(await access(), [uid, gid, "666"]);
  const config = JSON.parse(await readFile(rig.configPath, "utf8"));
  config.programs.shop.listen = [{ unix: path, mode: "0600" }];
  await rig.configure(config);
  await rig.useSample("go-listenfds", { release: "v2" });
  await ok(rig, "deploy", "--tag", "v2");
  assert.deepEqual(await access(), [uid, gid, "600"]);
});

test("a stale file is replaced; a file, or a socket of somebody else's, stays, and is told by name", async (t) => {
  const rig = await unixRig(t, "go-listenfds");
  const path = socketOf(rig);
  await leaveStaleSocket(path);
  await ok(rig, "deploy", "--tag", "v1");
  assert.equal(await getOver(path, "/version"), "v1");
  await ok(rig, "stop");

  await writeFile(path, "mine\n");
  const taken = await rig.zdr(["start"]);
  assert.notEqual(taken.code, 0);
  assert.equal(await readFile(path, "utf8"), "mine\n");
  await rm(path);
  await ok(rig, "stop");

  const other = createServer((socket) =>
    socket
      .on("error", () => {})
      .resume()
      .end("other"),
  );
  await new Promise<void>((resolve) => other.listen(path, resolve));
  t.after(() => closed(other));
  assert.notEqual((await rig.zdr(["start"])).code, 0);
  assert.equal(await new Promise((resolve) => connect(path).on("data", (text) => resolve(`${text}`))), "other");
  const { stdout } = await rig.supervisord.ctl(["tail", "shop"]);
  assert.ok(stdout.includes(`cannot-listen: ${path}: EADDRINUSE`), stdout);
});

/** As a process that was killed leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.new`, resolve));
  // Node removes what it knows of.
  await rename(`${path}.new`, path);
  await closed(server);
  assert.ok((await stat(path)).isSocket());
}

const closed = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()));

test("a folder that the program's user may not write to, one in a release, or none, is refused before anything is sent", async (t) => {
  const rig = await unixRig(t, "go-listenfds", { user: "www-data" });
  const config = JSON.parse(await readFile(rig.configPath, "utf8"));
  const closedFolder = join(rig.dir, "closed");
  await mkdir(closedFolder, { mode: 0o755 });
  for (const [path, says] of [
    [join(closedFolder, "a.sock"), /is not for user www-data to write to/],
    [join(rig.dir, "nowhere/a.sock"), /nowhere is not there/],
    [join(rig.deployTo, "current/a.sock"), /would lie in a release/],
  ] as const) {
    config.programs.shop.listen = [{ unix: path }];
    await rig.configure(config);
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v1"]);
    assert.equal(code, 5, stderr);
    assert.match(stderr, says);
  }
});

test("where somebody has removed the socket's file, a deploy says so, and a restart makes it anew", async (t) => {
  const rig = await unixRig(t, "go-listenfds");
  const path = socketOf(rig);
  await ok(rig, "deploy", "--tag", "v1");
  await rm(path);
  await rig.useSample("go-listenfds", { release: "v2" });
  const { code, stderr } = await rig.zdr(["deploy", "--tag", "v2"]);
  assert.equal(code, 5, stderr);
  assert.match(stderr, /somebody has removed .*http\.sock.*only a restart/);
  await ok(rig, "restart");
  await ok(rig, "deploy", "--tag", "v2");
  await eventually(() => getOver(path, "/version"), { name: "it answers over the socket" });
});
