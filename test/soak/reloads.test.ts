/** The claim of the e2e tests, a hundred times as often: what goes wrong once in a thousand reloads shows here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deploySeries, failuresOf } from "../support/load/deploy-series.ts";
import { startRig } from "../support/rig.ts";
import type { SampleName } from "../support/samples.ts";

/** Of each program; SOAK_RELOADS asks for another number. */
const RELOADS = Number(process.env.SOAK_RELOADS ?? 1_000);
/** What one load remembers, request by request, has to fit into memory. A multiple of the three builds in turn. */
const RELOADS_A_SERIES = 24;
const HASTE = { watch: 0, start_seconds: 1 };

for (const sample of ["go-overseer", "gunicorn"] satisfies SampleName[]) {
  test(`${sample}: no request fails in ${RELOADS} reloads, and supervisor's pid stays`, async (t) => {
    const rig = await startRig(t, { via: "ssh" });
    const { url } = await rig.addSample(sample, HASTE);
    await rig.useSample(sample, { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "first"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 0, stderr);
    }
    const pid = (await rig.supervisord.ctl(["pid", "shop"])).stdout;
    for (let done = 0; done < RELOADS; done += RELOADS_A_SERIES) {
      const releases = Array.from({ length: RELOADS_A_SERIES }, (_, index) => `v${((index + 1) % 3) + 1}`);
      const { load } = await deploySeries(rig, { sample, url, releases, requests: 0 });
      assert.deepEqual(failuresOf(load), []);
      assert.equal((await rig.supervisord.ctl(["pid", "shop"])).stdout, pid);
      t.diagnostic(`${done + RELOADS_A_SERIES} reloads, ${load.sent} requests in the last ${RELOADS_A_SERIES}`);
    }
  });
}
