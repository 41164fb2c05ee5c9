/** Every bad release of a program, one after the other on one host. Whatever is wrong with it, v1 serves afterwards. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ReleaseInfo } from "../../../agent/wire/release.ts";
import { reportIn, resultIn } from "../load/deploy-series.ts";
import { assertSurvived, EXPECTED, tryBadRelease } from "./bad-release.ts";
import { BAD_RELEASES, type BadRelease, type StorySample } from "./catalog.ts";
import { type StoryHost, startStoryHost } from "./host.ts";
import type { Losses } from "./losses.ts";

/** Of each run, not kept: what docs show is written by test/strategies. */
const RESULTS = fileURLToPath(new URL("../../../.tmp/bad-releases/", import.meta.url));

export function testBadReleases(entry: StorySample): void {
  const { sample, mayLose, deafAfter = [], flaws = BAD_RELEASES } = entry;
  describe(sample, { concurrency: 1 }, () => {
    const cleaning: (() => Promise<void>)[] = [];
    const found: Partial<Record<BadRelease, Losses>> = {};
    let host: StoryHost;
    before(async () => {
      host = await startStoryHost({ after: (clean) => cleaning.push(clean) }, entry, { launched: true });
      const { code, stdout, stderr } = await host.deploy("v1", { release: "v1" });
      assert.equal(code, 0, `${stdout}${stderr}`);
    });
    after(async () => {
      for (const clean of cleaning.reverse()) await clean();
      await mkdir(RESULTS, { recursive: true });
      await writeFile(join(RESULTS, `${sample}.json`), `${JSON.stringify({ sample, losses: found }, null, 2)}\n`);
    });

    for (const flaw of flaws) {
      const lost = mayLose[flaw] === undefined ? ", and nothing is lost" : "";
      test(`${flaw}: exit ${EXPECTED[flaw].exit}, the old release serves again${lost}`, async (t) => {
        const tried = await tryBadRelease(host, flaw);
        const { failed, sent, refused, silenceMs } = tried.losses;
        t.diagnostic(
          `${sample}, ${flaw}: ${failed} of ${sent} lost, ${refused} of them refused; longest silence ${silenceMs} ms`,
        );
        found[flaw] = tried.losses;
        await assertSurvived(host, entry, flaw, tried);
        if (!deafAfter.includes(flaw)) return;
        assert.match(`${tried.result.stdout}${tried.result.stderr}`, /zdr restart shop/);
        await host.ok("restart");
      });
    }

    test("all of them are bad to the ledger, and the next good one is taken by a reload", async () => {
      const { stdout } = await host.ok("releases", "--json");
      const { hosts } = resultIn(stdout).data as { hosts: { releases: ReleaseInfo[] }[] };
      const verdicts = Object.fromEntries((hosts[0]?.releases ?? []).map(({ tag, verdict }) => [tag, verdict]));
      const expected = { v1: "good", ...Object.fromEntries(flaws.map((flaw) => [flaw, "bad"])) };
      assert.deepEqual(verdicts, expected);
      const next = await host.deploy("v2", { release: "v2" });
      assert.equal(next.code, 0, next.stderr);
      assert.equal(reportIn(next.stdout, next.stderr).action, "reload");
    });
  });
}
