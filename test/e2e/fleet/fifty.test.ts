/** Fifty hosts and one command: a first deploy, a rolling reload under load, one bad host among them, and the way back. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type FleetRig, startFleet } from "../../support/fixtures/fleet.ts";
import type { RunResult } from "../../support/processes.ts";
import { buildSample } from "../../support/samples.ts";

const COUNT = 50;
/** So many at a time as two cores can start programs for. */
const STEPS = { batch: [1, 10] };
/** Most of it is waiting for two cores. */
const PATIENCE = { timeoutMs: 300_000 };

let fleet: FleetRig;
const cleanUps: (() => Promise<void>)[] = [];
before(async () => {
  // All of them would run the start-up files of one home at once, and what those lock is no matter of a fleet's.
  fleet = await startFleet((clean) => void cleanUps.push(clean), { count: COUNT });
});
after(async () => {
  for (const clean of cleanUps.reverse()) await clean();
});

const zdr = (...args: string[]) => fleet.zdr(args, PATIENCE);
async function deploy(tag: string, rollout: object = STEPS): Promise<RunResult> {
  await fleet.configure({
    build: { path: await buildSample("go-overseer", { release: tag, variant: "broken-here" }) },
    rollout,
  });
  return zdr("deploy", "--tag", tag);
}
/** How many hosts answer with which release. */
async function served(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of await Promise.all(fleet.hosts.map((host) => host.ask("/version")))) {
    counts[answer ?? "nothing"] = (counts[answer ?? "nothing"] ?? 0) + 1;
  }
  return counts;
}

describe(`${COUNT} hosts`, { concurrency: 1 }, () => {
  test("are set up and take a first release", async () => {
    const setup = await zdr("setup");
    assert.equal(setup.code, 0, setup.stderr);
    const { code, stderr } = await deploy("v1");
    assert.equal(code, 0, stderr);
    assert.deepEqual(await served(), { v1: COUNT });
    assert.match(stderr, /^slowest: web\d+, /m);
  });

  test("are reloaded in steps, under load on all of them, and lose no request", async () => {
    const stop = await fleet.load();
    const { code, stderr } = await deploy("v2", STEPS);
    const loads = await stop();
    assert.equal(code, 0, stderr);
    assert.deepEqual(await served(), { v2: COUNT });
    for (const [at, { sent, failed, releases, errors }] of loads.entries()) {
      assert.equal(failed, 0, `web${at + 1}: ${failed} of ${sent} requests failed: ${errors}`);
      assert.ok((releases.v1 ?? 0) > 0 && (releases.v2 ?? 0) > 0, `web${at + 1}: ${JSON.stringify(releases)}`);
    }
  });

  test("of which one does not get healthy go back, all of them, by on_failure: revert-all", async () => {
    await writeFile(join(fleet.host("web7").files, "unhealthy"), "v3\n");
    const { code, stderr } = await deploy("v3", { ...STEPS, on_failure: "revert-all" });
    assert.equal(code, 7, stderr);
    assert.deepEqual(await served(), { v2: COUNT });
    assert.match(stderr, /^zdr: error: web7: /m);
  });

  test("go back to the release before", async () => {
    const { code, stderr } = await zdr("rollback");
    assert.equal(code, 0, stderr);
    assert.deepEqual(await served(), { v1: COUNT });
  });
});
