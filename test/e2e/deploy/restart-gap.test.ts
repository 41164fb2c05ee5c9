/** What a program that is stopped and started loses under load: the meters that count 0 for the others are able to fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deploySeries } from "../../support/load/deploy-series.ts";
import { startRig } from "../../support/rig.ts";

const HASTE = { watch: 0, start_seconds: 1 };
/** Of the product's own meter, requests a second: a server that starts quickly is away for some 10 ms only. */
const METER_RATE = 500;

for (const sample of ["go-plain", "gunicorn"] as const) {
  test(`${sample}, restarted: requests fail, and the report counts some of its own as failed too`, async (t) => {
    const rig = await startRig(t, { via: "ssh" });
    const { url } = await rig.addSample(sample, { ...HASTE, reload: "restart" }, { meter: METER_RATE });
    await rig.useSample(sample, { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "first"]]) {
      const { code, stdout, stderr } = await rig.zdr(args);
      assert.equal(code, 0, `${stdout}${stderr}`);
    }
    const { load, deploys } = await deploySeries(rig, { sample, url, releases: ["v2", "v3"], requests: 0 });
    assert.ok(load.failed > 0, "none failed");
    for (const { report } of deploys) {
      assert.equal(report.action, "restart");
      assert.ok((report.meter?.during.failed ?? 0) > 0, JSON.stringify(report.meter));
      assert.ok((report.gapMs ?? 0) > 0, "no gap was reported");
    }

    await rig.useSample(sample, { release: "v1" });
    const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "table"]);
    assert.equal(code, 0, stderr);
    const [titles = [], row = []] = stdout.split("\n").map((line) => line.trim().split(/ {2,}/));
    assert.match(row[titles.indexOf("failed")] ?? "", /^[1-9]/, stdout);
  });
}
