/** Agent and keeper on the oldest Node that hosts may have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { textAt } from "../../support/load/ask.ts";
import { reportIn } from "../../support/load/deploy-series.ts";
import { node18, startRig } from "../../support/rig.ts";

for (const sample of ["go-grace", "go-listenfds"] as const) {
  test(`${sample} is started and reloaded`, async (t) => {
    const rig = await startRig(t, { hostNode: await node18() });
    const { url } = await rig.addSample(sample, { watch: 0, start_seconds: 1 });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    for (const [release, action] of [
      ["v1", "start"],
      ["v2", "reload"],
    ] as const) {
      await rig.useSample(sample, { release });
      const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", release, "--json"]);
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.equal(reportIn(stdout, stderr).action, action);
      assert.equal(await textAt(`${url}/version`), release);
    }
  });
}
