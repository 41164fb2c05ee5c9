/** The hosts are looked at before a build, which may take minutes, and over the same connection as all that comes after it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { access, appendFile, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { startDelayProxy } from "../../support/load/delay-proxy.ts";
import { startLockDriver } from "../../support/lock-race.ts";
import { startRig } from "../../support/rig.ts";
import { assertTold } from "../../support/wrong-world.ts";

const HASTE = { watch: 0, start_seconds: 1 };

test("what no build changes is refused before the build runs: a host that is not set up, or that is locked", async (t) => {
  const rig = await startRig(t);
  await rig.addSample("gunicorn", HASTE);
  const path = await rig.useSample("gunicorn", { release: "v1" });
  await rig.configure({ build: { path, run: "echo built $ZDR_TAG >>built" } });
  const built = () => readFile(join(rig.project, "built"), "utf8").catch(() => "");

  for (const verb of ["deploy", "plan"]) {
    assertTold(await rig.zdr([verb, "--tag", "v1"]), { exit: 5, error: /not set up/, hint: /zdr setup/ });
  }
  assert.equal((await rig.zdr(["setup"])).code, 0);
  assert.equal((await rig.zdr(["lock", "-m", "audit"])).code, 0);
  const locked = await rig.zdr(["deploy", "--tag", "v1"]);
  assertTold(locked, { exit: 3, error: /locked by .*: audit/, state: /not touched/, hint: /zdr unlock/ });
  assert.equal(await built(), "");
  const frozen = await rig.zdr(["plan", "--tag", "v1"]);
  assert.equal(await built(), "built v1\n", "a plan tells that with the rest");
  assert.match(`${frozen.stdout}${frozen.stderr}`, /audit/);

  const { code, stderr } = await rig.zdr(["deploy", "--tag", "v1", "--ignore-freeze"]);
  assert.equal(code, 0, stderr);
  assert.equal(await built(), "built v1\nbuilt v1\n");

  await rig.supervisord.stop();
  assertTold(await rig.zdr(["deploy", "--tag", "v2", "--ignore-freeze"]), {
    exit: 5,
    error: /supervisord/,
    hint: /on the host: supervisord -c .*\.conf/,
    state: /not touched/,
  });
  assert.equal(await built(), "built v1\nbuilt v1\n");
});

test("what another command's work may make of a program is not held against a deploy before its build, but after it", async (t) => {
  const rig = await startRig(t);
  const { program } = await rig.addSample("gunicorn", HASTE);
  const path = await rig.useSample("gunicorn", { release: "v1" });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  await rig.configure({ programs: { nobody: program }, build: { path, run: "echo built >>built" } });
  const built = () => readFile(join(rig.project, "built"), "utf8").catch(() => "");
  const unsound = { exit: 5, error: /nobody/, state: /not touched/ };

  const claim = { by: { user: "ann", host: "laptop" }, why: "deploy v7" };
  const other = startLockDriver({ deployTo: rig.deployTo, journal: join(rig.dir, "journal"), act: "hold", claim });
  t.after(() => other.end());
  await other.saidSoon("in");
  const locked = {
    exit: 3,
    error: /holds the lock: ann@laptop since .*deploy v7/,
    state: /not touched/,
    hint: /--wait/,
  };
  assertTold(await rig.zdr(["deploy", "--tag", "v1"]), locked);
  assert.equal(await built(), "", "whoever does not wait is told before the build");
  const waiting = rig.startZdr(["deploy", "--tag", "v1", "--wait", "4m"]);
  await eventually(() => /waits for ann@laptop/.test(waiting.said().stderr), { name: "it waits", timeoutMs: 60_000 });
  assert.equal(await built(), "built\n");
  await other.end();
  assertTold(await waiting.done, unsound);

  assertTold(await rig.zdr(["deploy", "--tag", "v1"]), unsound);
  assert.equal(await built(), "built\n", "nobody is at work, so it is refused before the build");

  const begun = {
    event: "activating",
    at: new Date().toISOString(),
    tag: "v0",
    activation: "a",
    why: "deploy",
    by: claim.by,
  };
  await appendFile(join(rig.deployTo, ".zdr/ledger.ndjson"), `${JSON.stringify(begun)}\n`, { mode: 0o600 });
  assertTold(await rig.zdr(["deploy", "--tag", "v1"]), unsound);
  assert.equal(await built(), "built\nbuilt\n", "what a dead agent left is mended first, under the lock");
});

test("a host whose link dies during the build is connected to again, and else there is one connection", async (t) => {
  const rig = await startRig(t, { via: "ssh" });
  const { sshd } = rig;
  assert.ok(sshd);
  await rig.addSample("gunicorn", HASTE);
  const path = await rig.useSample("gunicorn", { release: "v1" });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const proxy = await startDelayProxy({ target: { port: sshd.port }, oneWayMs: 0 });
  t.after(() => proxy.close());
  const { hosts, ssh } = JSON.parse(await readFile(rig.configPath, "utf8"));
  await appendFile(ssh.known_hosts, sshd.knownHostsLine({ name: `[127.0.0.1]:${proxy.port}` }));
  await rig.configure({ hosts: [{ ...hosts[0], port: proxy.port }], build: { path, run: "true" } });

  assert.equal((await rig.zdr(["deploy", "--tag", "v1"])).code, 0);
  assert.equal(proxy.counts().connections, 1);

  await rig.configure({ build: { path, run: "touch begun; until [ -e go ]; do sleep 0.2; done" } });
  const zdr = rig.startZdr(["deploy", "--tag", "v2"]);
  const isBuilding = () =>
    access(join(rig.project, "begun")).then(
      () => true,
      () => false,
    );
  await eventually(isBuilding, { name: "the build has begun", timeoutMs: 60_000 });
  proxy.cut();
  await writeFile(join(rig.project, "go"), "");
  const { code, stdout, stderr } = await zdr.done;
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.equal(proxy.counts().connections, 3);
});

test("a host that nobody gets to is refused before the build, or passed over by then; Ctrl-C waits for none", async (t) => {
  const rig = await startRig(t, { via: "ssh" });
  await rig.addSample("gunicorn", HASTE);
  const path = await rig.useSample("gunicorn", { release: "v1" });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  const calls: Socket[] = [];
  const silent = createServer((socket) => calls.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => {
    for (const call of calls) call.destroy();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  const [well] = JSON.parse(await readFile(rig.configPath, "utf8")).hosts;
  const build = { path, run: "echo built >>built" };
  const built = () => readFile(join(rig.project, "built"), "utf8").catch(() => "");

  await rig.configure({ hosts: [well, { ...well, name: "web2", port }], build });
  const zdr = rig.startZdr(["deploy", "--tag", "v1"]);
  await eventually(() => calls.length > 0, { name: "zdr waits for the silent host", timeoutMs: 60_000 });
  assert.match(zdr.said().stderr, /^looking at 2 hosts before the build$/m);
  zdr.kill("SIGINT");
  const { code, stderr } = await zdr.done;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /^zdr: state: no host was touched$/m);

  silent.close();
  for (const call of calls) call.destroy();
  const refused = await rig.zdr(["deploy", "--tag", "v1"]);
  assertTold(refused, { exit: 4, error: /web2: .*ECONNREFUSED/, hint: /--skip-unreachable/ });
  assert.equal(await built(), "");
  const passed = await rig.zdr(["deploy", "--tag", "v1", "--skip-unreachable"]);
  assert.equal(passed.code, 0, passed.stderr);
  assert.ok(passed.stderr.indexOf("web2: passed over") < passed.stderr.indexOf("building: echo"), passed.stderr);
  assert.equal(await built(), "built\n");
});
