/** Releases that pass for good at first: they hang before they accept, or are ready and crash while they are watched. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { failuresOf } from "../../support/load/deploy-series.ts";
import { startLoad } from "../../support/load/load.ts";
import { startRig } from "../../support/rig.ts";
import type { SampleName, Variant } from "../../support/samples.ts";

interface Case {
  readonly sample: SampleName;
  readonly variant: Variant;
  readonly says: RegExp;
  /** Whether not one request fails. */
  readonly isLossless: boolean;
}

const CASES: readonly Case[] = [
  { sample: "go-listenfds", variant: "hang", says: /does not accept/, isLossless: true },
  { sample: "go-grace", variant: "hang", says: /does not accept/, isLossless: true },
  { sample: "go-gracehttp", variant: "hang", says: /does not accept/, isLossless: false },
  { sample: "go-listenfds", variant: "late-crash", says: /ended after it was ready/, isLossless: false },
  { sample: "go-grace", variant: "late-crash", says: /crashed|ended/, isLossless: false },
  { sample: "go-gracehttp", variant: "late-crash", says: /crashed|ended/, isLossless: false },
];

for (const { sample, variant, says, isLossless } of CASES) {
  test(`${sample}, ${variant}: the old release serves again`, async (t) => {
    const rig = await startRig(t);
    const { url } = await rig.addSample(sample, { watch: "3s", start_seconds: 1 }, { timeout: "4s" });
    await rig.useSample(sample, { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
      const { code, stdout, stderr } = await rig.zdr(args);
      assert.equal(code, 0, `${stdout}${stderr}`);
    }
    await rig.useSample(sample, { release: "v2", variant });
    const load = await startLoad({
      ...{ url: `${url}/version`, keepAliveConnections: 2 },
      ...{ freshPerSecond: 50, ratePerSecond: 50 },
    });
    const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "v2"]).finally(() => load.reached(50));
    const result = await load.stop();
    assert.equal(code, 7, `${stdout}${stderr}`);
    assert.match(`${stdout}${stderr}`, says);
    if (isLossless) assert.deepEqual(failuresOf(result), []);
    assert.equal((await (await fetch(`${url}/version`)).text()).trim(), "v1");
    assert.match((await rig.supervisord.ctl(["status", "shop"])).stdout, /RUNNING/);
  });
}
