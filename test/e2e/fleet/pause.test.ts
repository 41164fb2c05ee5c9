/** Between two steps of a rollout the hosts that took the release are watched. What ends that ends it at once, and frees the hosts. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { type FleetRig, startFleet } from "../../support/fixtures/fleet.ts";
import { startDelayProxy } from "../../support/load/delay-proxy.ts";
import type { RunningZdr } from "../../support/rig.ts";
import { buildSample } from "../../support/samples.ts";

/** Beyond everything that a test waits for. */
const FOR_EVER = "10m";

let fleet: FleetRig;
let count = 0;
/** What is deployed in a test, and what served before it. */
let tag: string;
let old: string;
const cleanUps: (() => Promise<void>)[] = [];
before(async () => {
  fleet = await startFleet((clean) => void cleanUps.push(clean), { count: 2 });
  await ok("setup");
});
after(async () => {
  for (const clean of cleanUps.reverse()) await clean();
});

async function ok(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await fleet.zdr(args);
  assert.equal(code, 0, `${stdout}${stderr}`);
}

async function configure(release: string, rollout: object): Promise<void> {
  await fleet.configure({ build: { path: await buildSample("go-overseer", { release }) }, rollout });
}

/** web1 has taken the release, and is watched. */
async function deployUntilWatched(): Promise<RunningZdr> {
  await configure(tag, { batch: [1, "100%"], pause: FOR_EVER, on_failure: "revert-all" });
  const zdr = fleet.startZdr(["deploy", "--tag", tag]);
  await eventually(() => zdr.said().stderr.includes("web1: soak\n"), { name: "web1 is watched" });
  return zdr;
}

/** Who has the lock of web1, in the host's own words. */
async function holder(host = "web1"): Promise<number | undefined> {
  const folder = join(fleet.host(host).files, "web", ".zdr");
  const numbers = (await readdir(folder)).flatMap((name) => /^lock\.(\d+)$/.exec(name)?.[1] ?? []);
  const text = await readFile(join(folder, `lock.${Math.max(...numbers.map(Number))}`), "utf8");
  const { pid, released } = JSON.parse(text) as { pid: number; released: boolean };
  return released ? undefined : pid;
}

const answers = () => Promise.all(fleet.hosts.map((host) => host.ask("/version")));

describe("hosts that are watched between two steps of a rollout", { concurrency: 1 }, () => {
  beforeEach(async () => {
    old = `v${count}`;
    tag = `v${++count}`;
    await configure(old, {});
    await ok("deploy", "--tag", old);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`keep what they have taken at ${signal}, and are free: a rollback is not kept waiting`, async () => {
      const zdr = await deployUntilWatched();
      zdr.kill(signal);
      const { code, stderr } = await zdr.done;
      assert.equal(code, signal === "SIGINT" ? 130 : 143, stderr);
      assert.match(stderr, new RegExp(`^web1 is watched no longer, and keeps ${tag}; no further host takes it$`, "m"));
      assert.match(stderr, new RegExp(`^zdr: error: interrupted by ${signal}$`, "m"));
      assert.match(
        stderr,
        new RegExp(`^zdr: state: web1 serves ${tag}; web2 holds ${tag} and still serves ${old}$`, "m"),
      );
      assert.doesNotMatch(stderr, /^zdr: warning/m);
      assert.deepEqual(await answers(), [tag, old]);
      // Its agent ends at its next look, not at the end of the pause.
      await eventually(async () => (await holder()) === undefined, { name: "the lock is given up" });
      await configure(old, {});
      await ok("rollback", "--to", old);
      assert.deepEqual(await answers(), [old, old]);
    });
  }

  test("are free when zdr is killed", async () => {
    const zdr = await deployUntilWatched();
    zdr.kill("SIGKILL");
    await zdr.done;
    for (const host of ["web1", "web2"]) {
      await eventually(async () => (await holder(host)) === undefined, { name: `the lock of ${host} is given up` });
    }
    assert.deepEqual(await answers(), [tag, old]);
  });

  test("are watched on over a new link when theirs dies: the agent of the old one lets go of the host", async (t) => {
    const [door = 0, ...doors] = fleet.ports();
    const proxy = await startDelayProxy({ target: { port: door }, oneWayMs: 0 });
    t.after(async () => {
      await fleet.reachBy();
      await proxy.close();
    });
    await fleet.reachBy([proxy.port, ...doors]);
    const zdr = await deployUntilWatched();
    const first = await holder();
    assert.ok(first !== undefined);
    proxy.cut();
    const isAnother = async () => ![undefined, first].includes(await holder());
    await eventually(isAnother, { name: "another agent has the lock" });
    zdr.kill("SIGINT");
    const { code, stderr } = await zdr.done;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /web1: the connection was lost during soak: .*connecting again/);
    assert.match(
      stderr,
      new RegExp(`^zdr: state: web1 serves ${tag}; web2 holds ${tag} and still serves ${old}$`, "m"),
    );
    await eventually(async () => (await holder()) === undefined, { name: "the lock is given up" });
  });
});
