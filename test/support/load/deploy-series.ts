/** Several deploys in a row while clients send requests, and what those saw: the claim of the product, measured from outside. */
import assert from "node:assert/strict";
import type { ActivationReport, ProgramReport } from "../../../agent/wire/report.ts";
import type { Rig } from "../rig.ts";
import type { SampleName } from "../samples.ts";
import { type LoadRequest, type LoadResult, monotonicMs, startLoad } from "./load.ts";

/** Requests a second, half of them on connections of their own. Two small cores do more than this. */
const REQUESTS_PER_SECOND = 1000;
const KEPT_ALIVE_CONNECTIONS = 16;
/** What is seen of a release between two deploys, at least, of each kind. */
const REQUESTS_BETWEEN = 50;
/** Longer than a deploy that fails and is reverted. */
const DEPLOY_TIMEOUT_MS = 150_000;

export interface SeriesOptions {
  readonly sample: SampleName;
  readonly url: string;
  /** What the deployed builds answer as their release, in order; the first is not the one that runs. */
  readonly releases: readonly string[];
  /** The load goes on until so many requests are done. */
  readonly requests: number;
  /** What is asked for; default `/version`. */
  readonly path?: string;
  /** Default: 1000. */
  readonly requestsPerSecond?: number;
}

export interface Deployed {
  readonly release: string;
  /** What ran the whole time after the command had returned and before the next began: sent then. */
  readonly after: readonly LoadRequest[];
  readonly report: ProgramReport;
}

export interface Series {
  readonly load: LoadResult;
  /** How long the load went on. */
  readonly seconds: number;
  readonly deploys: readonly Deployed[];
}

/**
 * Deploys each release under the tag `<release>-<n>`, under load from before the first until after the last. Each deploy
 * has to end with exit code 0, also one that restarts: requests that fail then were promised to nobody.
 */
export async function deploySeries(rig: Rig, options: SeriesOptions): Promise<Series> {
  const { sample, url, releases, requests, path = "/version", requestsPerSecond = REQUESTS_PER_SECOND } = options;
  const load = await startLoad({
    ...{ url: `${url}${path}`, keepAliveConnections: KEPT_ALIVE_CONNECTIONS },
    ...{ freshPerSecond: requestsPerSecond / 2, ratePerSecond: requestsPerSecond / 2 },
  });
  const startedAt = monotonicMs();
  const done: (Omit<Deployed, "after"> & { readonly from: number; readonly to: number })[] = [];
  try {
    for (const [index, release] of releases.entries()) {
      await rig.useSample(sample, { release });
      const args = ["deploy", "--tag", `${release}-${index + 1}`, "--json"];
      const { code, stdout, stderr } = await rig.zdr(args, { timeoutMs: DEPLOY_TIMEOUT_MS });
      const from = monotonicMs();
      assert.equal(code, 0, `${args.join(" ")}\n${stdout}${stderr}`);
      await load.more(REQUESTS_BETWEEN);
      done.push({ release, from, to: monotonicMs(), report: reportIn(stdout, stderr) });
    }
    await load.reached(requests);
  } catch (error) {
    await load.stop();
    throw error;
  }
  const seconds = (monotonicMs() - startedAt) / 1000;
  const result = await load.stop();
  const deploys = done.map(({ from, to, ...deployed }) => ({
    ...deployed,
    after: result.requests.filter(({ sentAt }) => sentAt >= from && sentAt <= to),
  }));
  return { load: result, seconds, deploys };
}

/** The one program's report, in what `zdr deploy --json` wrote. */
export function reportIn(stdout: string, stderr: string): ProgramReport {
  const { data } = resultIn(stdout) as { data?: { hosts?: readonly { activation?: ActivationReport }[] } };
  const report = data?.hosts?.[0]?.activation?.programs[0];
  assert.ok(report, `no program was reported:\n${stdout}${stderr}`);
  return report;
}

/** The last event of `--json`. */
export function resultIn(stdout: string): { readonly exit: number; readonly data: unknown } {
  const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "null");
  assert.equal(last?.event, "result", stdout);
  return last;
}

/** Requests that failed, in words, for the message of an assertion. */
export function failuresOf({ requests }: LoadResult): string[] {
  return requests.filter(({ outcome }) => outcome === "failed").map(({ kind, error }) => `${kind}: ${error}`);
}
