/** How often a command waits for the host. On a far host that is all that counts. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type DelayProxy, startDelayProxy } from "../../support/load/delay-proxy.ts";
import { type Rig, startRig } from "../../support/rig.ts";

/** Longer than what a busy machine holds a packet back, so that what was sent together also comes together. */
const ONE_WAY_MS = 20;

describe("on a far host", () => {
  const cleanUps: (() => Promise<void>)[] = [];
  let rig: Rig;
  let proxy: DelayProxy;
  let firstDeploy = "";

  before(async () => {
    rig = await startRig({ after: (clean) => void cleanUps.push(clean) }, { via: "ssh" });
    const { sshd } = rig;
    assert.ok(sshd);
    proxy = await startDelayProxy({ target: { port: sshd.port }, oneWayMs: ONE_WAY_MS });
    cleanUps.push(proxy.close);
    const [key] = sshd.hostKeys;
    assert.ok(key);
    const host = { name: "web1", address: "127.0.0.1", user: process.env.USER ?? "root", port: proxy.port };
    await rig.configure({ hosts: [{ ...host, host_key: key.public }] });
    await rig.addSample("node-plain", { start_seconds: 1, watch: 0 });
    await rig.useSample("node-plain", { release: "v1" });
    await ok(["setup"]);
    firstDeploy = (await ok(["deploy", "--tag", "v1"])).stderr;
  });
  after(async () => {
    for (const clean of cleanUps.reverse()) await clean();
  });
  const ok = async (args: readonly string[]) => {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, stderr);
    return { stdout, stderr };
  };
  /** With one for the connection itself. */
  const roundTripsOf = async (args: readonly string[]) => {
    const { turns } = proxy.counts();
    await ok(args);
    return proxy.counts().turns - turns + 1;
  };

  test("a build is compressed, though the near end of the way has this machine's address, as a tunnel's has", () => {
    assert.match(firstDeploy, /^web1: stage done .* sent, compressed to /m);
  });

  test("status takes at most 12 round trips", async () => {
    const roundTrips = await roundTripsOf(["status"]);
    assert.ok(roundTrips <= 12, `${roundTrips}`);
  });

  test("a deploy of what serves already takes at most 14 round trips", async () => {
    const roundTrips = await roundTripsOf(["deploy", "--tag", "v1"]);
    assert.ok(roundTrips <= 14, `${roundTrips}`);
  });

  test("a deploy of what serves already says so, and activates nothing", async () => {
    const { stdout, stderr } = await ok(["deploy", "--tag", "v1"]);
    assert.match(stdout, /^web1 +shop +none +v1 /m);
    assert.match(stderr, /^web1: stage done \(\d+ ms\): already there, nothing to send$/m);
    assert.match(stderr, /^web1: activate done \(\d+ ms\): v1 served already, proved$/m);
    assert.match(stderr, /^web1: settle done/m);
    const ledger = await readFile(join(rig.deployTo, ".zdr/ledger.ndjson"), "utf8");
    assert.equal(ledger.match(/"event":"activating"/g)?.length, 1, ledger);
  });

  test("a deploy of what serves already removes what `keep` no longer keeps", async () => {
    for (const release of ["v2", "v3"]) {
      await rig.useSample("node-plain", { release });
      await ok(["deploy", "--tag", release]);
    }
    await rig.configure({ keep: 1 });
    const { stderr } = await ok(["deploy", "--tag", "v3"]);
    assert.match(stderr, /removed v1/);
    assert.deepEqual((await readdir(join(rig.deployTo, "releases"))).sort(), ["v2", "v3"]);
  });
});

test("on this very machine, with nothing between, nothing is compressed", async (t) => {
  const rig = await startRig(t, { via: "ssh" });
  await rig.addSample("node-plain", { start_seconds: 1, watch: 0 });
  await rig.useSample("node-plain", { release: "v1" });
  const setup = await rig.zdr(["setup"]);
  assert.equal(setup.code, 0, setup.stderr);
  const { stderr } = await rig.zdr(["deploy", "--tag", "v1"]);
  assert.match(stderr, /^web1: stage done .* sent, durable /m);
});
