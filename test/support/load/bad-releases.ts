/**
 * The six releases that are no good, one after the other on a program that serves under load: after each of them the old
 * release serves again, and a good one comes through at the end.
 */
import assert from "node:assert/strict";
import { readlink } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { type ConfigParts, type Rig, startRig } from "../rig.ts";
import type { SampleName, Variant } from "../samples.ts";
import { answerOf } from "../wrong-world.ts";
import { failuresOf } from "./deploy-series.ts";
import { type LoadResult, startLoad } from "./load.ts";

type Flaw = Extract<Variant, "missing" | "not-executable" | "garbage" | "crash" | "hang" | "late-crash">;

/** Found out before the flip (5), or reverted (7). */
const EXITS: Readonly<Record<Flaw, 5 | 7>> = {
  ...{ missing: 5, "not-executable": 5, garbage: 5 },
  ...{ crash: 7, hang: 7, "late-crash": 7 },
};

export interface BadReleases {
  readonly sample: SampleName;
  /** More keys for the program. */
  readonly program?: ConfigParts;
  /**
   * What a flaw may cost: by default nothing. `accepted`: requests that the failing process had let in, and none refused;
   * `gap`: what comes while the library has nobody who accepts.
   */
  readonly costs: Partial<Readonly<Record<Flaw, "accepted" | "gap">>>;
  /** A script has no binary to be spoilt, so that these are left out. */
  readonly without?: readonly Flaw[];
}

const REQUESTS_BEFORE = 50;

export function testBadReleases({ sample, program = {}, costs, without = [] }: BadReleases): void {
  describe(`${sample}: releases that are no good`, () => {
    let rig: Rig;
    let url = "";
    const cleaning: (() => Promise<void>)[] = [];

    before(async () => {
      rig = await startRig({ after: (clean) => cleaning.push(clean) });
      ({ url } = await rig.addSample(sample, { watch: "3s", start_seconds: 1, ...program }, { timeout: "5s" }));
      await rig.useSample(sample, { release: "v1" });
      for (const args of [["setup"], ["deploy", "--tag", "good"]]) {
        const { code, stdout, stderr } = await rig.zdr(args);
        assert.equal(code, 0, `${stdout}${stderr}`);
      }
    });
    after(async () => {
      for (const clean of cleaning.reverse()) await clean();
    });

    for (const [flaw, exit] of Object.entries(EXITS) as [Flaw, number][]) {
      if (without.includes(flaw)) continue;
      const cost = costs[flaw];
      const outcome = cost === undefined ? "not one request fails" : COST_WORDS[cost];
      test(`${flaw}: the old release serves again, and ${outcome}`, async (t) => {
        await rig.useSample(sample, { release: "v2", variant: flaw });
        const load = await startLoad({
          ...{ url: `${url}/version`, keepAliveConnections: 4 },
          ...{ freshPerSecond: 100, ratePerSecond: 100 },
        });
        await load.reached(REQUESTS_BEFORE);
        const { code, stdout, stderr } = await rig
          .zdr(["deploy", "--tag", `bad-${flaw}`])
          .finally(() => load.reached(load.counts().sent + REQUESTS_BEFORE));
        const result = await load.stop();
        assert.equal(code, exit, `${stdout}${stderr}`);
        assert.equal(await answerOf(url), "200 v1");
        assert.equal(await readlink(`${rig.deployTo}/current`), "releases/good");
        assertCost(result, cost);
        t.diagnostic(`${result.failed} of ${result.sent} requests failed`);
      });
    }

    test("the next good one is taken", async () => {
      await rig.useSample(sample, { release: "v3" });
      const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "next"]);
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.equal(await answerOf(url), "200 v3");
    });
  });
}

const COST_WORDS = { accepted: "no request is refused", gap: "the gap is over" };

function assertCost(result: LoadResult, cost: "accepted" | "gap" | undefined): void {
  const failures = failuresOf(result);
  if (cost === undefined) assert.deepEqual(failures, []);
  if (cost === "accepted")
    assert.deepEqual(
      failures.filter((failure) => failure.includes("ECONNREFUSED")),
      [],
    );
}
