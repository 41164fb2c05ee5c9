/** What shows only a while after a release has been proved: the watch window, the meter, and a way back that is none. */
import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { LedgerEntry } from "../../agent/core/ledger.ts";
import type { ActivationReport } from "../../agent/wire/report.ts";
import { eventually } from "../support/eventually.ts";
import { answerAt } from "../support/load/ask.ts";
import { type Rig, startRig } from "../support/rig.ts";
import type { Variant } from "../support/samples.ts";
import { answerOf, assertServes, assertTold, resultOf } from "../support/wrong-world.ts";

/** Longer than what goes wrong in it takes to go wrong, whatever else the machine has to do. */
const LONG_WATCH = "30s";

describe("after the proof", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  let url: string;
  let shop: Record<string, unknown>;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    // What can not come back is given up after its drain.
    const reload = { preset: "gunicorn", drain: "5s" };
    ({ url } = await rig.addSample("gunicorn", { watch: 0, reload, start_seconds: 1 }, { timeout: "5s" }));
    ({ shop } = JSON.parse(await readFile(rig.configPath, "utf8")).programs);
    assert.equal((await rig.zdr(["setup"])).code, 0);
    await keep("v1");
    await keep("v2");
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const deploy = async (release: string, variant: Variant = "good", watch: string | number = 0, ...more: string[]) => {
    await rig.configure({ programs: { shop: { ...shop, watch } } });
    await rig.useSample("gunicorn", { release, variant });
    return rig.zdr(["deploy", "--tag", release, ...more]);
  };
  const keep = async (...args: Parameters<typeof deploy>) => {
    const { code, stderr } = await deploy(...args);
    assert.equal(code, 0, stderr);
  };
  const ledgerOf = async (tag: string): Promise<string[]> => {
    const lines = (await readFile(join(rig.deployTo, ".zdr/ledger.ndjson"), "utf8")).trim().split("\n");
    return lines
      .map((line) => JSON.parse(line) as LedgerEntry)
      .flatMap((entry) => (entry.tag === tag ? entry.event : []));
  };
  const isSick = async () => (await answerAt(`${url}/healthz`)).status === 503;

  test("a release that gets ill while it is watched is put back, and not tried again", async () => {
    const result = await deploy("ill", "late-unhealthy", LONG_WATCH);
    assertTold(result, {
      exit: 7,
      error: /was ready, and not healthy any more [\d.]+ m?s later \(last probe: status 503\)/,
      state: /serves v2 again/,
    });
    assert.deepEqual(await ledgerOf("ill"), ["staged", "activating", "bad", "reverted"]);
    await assertServes(rig, url, { tag: "v2", answer: "v2" });
  });

  test("a reload that loses requests is kept, and exits with 9 and the numbers", async () => {
    await keep("careless", "careless");
    const result = await deploy("v3", "good", 0, "--json");
    const { hosts } = resultOf<{ hosts: { activation: ActivationReport }[] }>(result);
    const { during, baseline } = hosts[0]?.activation.programs[0]?.meter ?? assert.fail("it was measured");
    assert.ok(during.failed > 0 && baseline.failed === 0, JSON.stringify({ during, baseline }));
    const numbers = `${during.failed} of ${during.sent} requests failed while it was reloaded \\(before the flip: 0 of ${baseline.sent}\\)`;
    const error = new RegExp(`local: shop: ${numbers}: \\d+ x `);
    assertTold(result, { exit: 9, error, state: /local serves v3/, hint: /docs\/strategies\.md/ });
    await assertServes(rig, url, { tag: "v3", answer: "v3" });
  });

  test("a failed release is followed by a good one, not by the bad one that was current", async () => {
    await keep("v4", "late-unhealthy");
    await eventually(isSick, { name: "v4 gets ill after it was kept", timeoutMs: 60_000 });
    const again = await deploy("v4", "late-unhealthy", LONG_WATCH);
    assert.equal(again.code, 7, again.stderr);
    assert.equal((await ledgerOf("v4")).at(-1), "reverted");
    const result = await deploy("v5", "unhealthy");
    assertTold(result, { exit: 7, error: /not healthy/, state: /local serves v3 again/ });
    assert.match(result.stderr, /warning: local: v4, which was current, is not good: v3 serves instead/);
    await assertServes(rig, url, { tag: "v3", answer: "v3" });
  });

  test("where the old release does not come back either, nothing more is tried: 8; and the next good one gets the host going", async () => {
    await rm(join(rig.deployTo, "releases/v3/app.py"));
    const result = await deploy("v6", "crash");
    const error = /did not start|crashed|not ready[\s\S]*putting the old release back failed too/;
    assertTold(result, { exit: 8, error, state: /local is stuck: current names v3/, hint: /zdr status --releases/ });
    assert.deepEqual(await ledgerOf("v6"), ["staged", "activating", "bad", "stuck"]);
    await keep("v7");
    assert.equal(await answerOf(url), "200 v7");
  });
});
