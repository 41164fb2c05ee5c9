/**
 * A request that the old process is still at when the new one serves. endless and gracehttp leave a copy of the listening
 * socket open, by which the old process looks as if it accepted until that request is answered.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { reportIn } from "../../support/load/deploy-series.ts";
import { ask } from "../../support/load/supervised.ts";
import { startRig } from "../../support/rig.ts";

const HEALTH_TIMEOUT_MS = 12_000;
/** Far longer than a new release may take until it is ready. */
const SLOW_MS = 25_000;

for (const sample of ["go-endless", "go-gracehttp"] as const) {
  test(`${sample}: a request that takes longer than health.timeout keeps no new release from being ready`, async (t) => {
    const rig = await startRig(t);
    const health = { timeout: `${HEALTH_TIMEOUT_MS / 1000}s` };
    const { url } = await rig.addSample(sample, { watch: 0, start_seconds: 1 }, health);
    await rig.useSample(sample, { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
      const { code, stdout, stderr } = await rig.zdr(args);
      assert.equal(code, 0, `${stdout}${stderr}`);
    }
    await rig.useSample(sample, { release: "v2" });
    const zdr = rig.startZdr(["deploy", "--tag", "v2", "--json"]);
    await eventually(() => zdr.said().stdout.includes('"phase":"activate","status":"start"'), { name: "it begins" });
    const slow = ask(`${url}/slow?ms=${SLOW_MS}`);
    const { code, stdout, stderr } = await zdr.done;
    assert.equal(code, 0, `${stdout}${stderr}`);
    const { readyMs = Number.NaN, oldGoneMs = Number.NaN, proof } = reportIn(stdout, stderr);
    assert.equal(proof, "processes");
    assert.ok(readyMs < HEALTH_TIMEOUT_MS && oldGoneMs > HEALTH_TIMEOUT_MS, JSON.stringify({ readyMs, oldGoneMs }));
    const { status, release } = await slow;
    assert.deepEqual([status, release], [200, "v1"]);
  });
}
