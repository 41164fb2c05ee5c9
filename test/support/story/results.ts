/** What runs over all programs found: the shape of test/results/, from which scripts/strategy-docs.ts makes the tables. */
import type { BadRelease } from "./catalog.ts";
import type { Losses } from "./losses.ts";

export interface Spread {
  readonly median: number;
  readonly max: number;
}

/** Of one process, before the first reload that counts and after the last. */
export interface Growth {
  readonly before: number;
  readonly after: number;
}

/** test/results/soak/<sample>.json */
export interface SoakResult {
  readonly sample: string;
  readonly preset: string;
  /** ISO 8601, when it ended. */
  readonly measured: string;
  readonly machine: string;
  readonly reloads: number;
  readonly minutes: number;
  readonly requests: number;
  readonly failed: number;
  /** From the signal until the new release was ready. */
  readonly readyMs: Spread;
  /** From the signal until the last old process was gone. */
  readonly oldGoneMs: Spread;
  /** Of the process that supervisor holds: the keeper, or the program's own master. */
  readonly supervised: { readonly privateKb: Growth; readonly descriptors: Growth };
}

/** test/results/strategies/<sample>.json */
export interface StrategyResult {
  readonly sample: string;
  readonly preset: string;
  readonly measured: string;
  readonly machine: string;
  readonly comparison: Comparison;
  /** Empty for a program that is restarted: it has no old release to keep. */
  readonly losses: Readonly<Partial<Record<BadRelease, Losses>>>;
}

/** What people compare by hand: v1 is called slowly, v2 is deployed meanwhile. */
export interface Comparison {
  readonly oldCall: Call;
  readonly newCall: Call;
  /** Processes that accepted connections, before and after. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly supervised: { readonly before: number; readonly after: number };
  readonly readyMs: number;
  readonly oldGoneMs: number | undefined;
  readonly gapMs: number | undefined;
}

export interface Call {
  /** Undefined: there was no answer. */
  readonly status: number | undefined;
  readonly release: string | undefined;
}
