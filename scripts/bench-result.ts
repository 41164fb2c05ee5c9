/** What a benchmark found: the shape of test/bench/results/*.json, from which scripts/bench-docs.ts makes the tables. */

export interface Samples {
  readonly name: string;
  readonly medianMs: number;
  /** In the order in which they were measured. */
  readonly ms: readonly number[];
}

export interface Row {
  /** What was done, and where to: `status, round trip 20 ms`. */
  readonly what: string;
  readonly zdr: Samples;
  readonly byHand: Samples;
  /** Of the medians, zdr's to the other's. */
  readonly ratio: number;
  /** What the ratio may be at most; absent: what it is, is only told. */
  readonly limit?: number;
  /** Of zdr's, with the one for the connection; where a line was between. */
  readonly roundTrips?: number;
  readonly roundTripLimit?: number;
}

/** A number that has nothing to be compared with. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: "ms" | "MB" | "requests/s";
  /** What it may be at most; absent: what it is, is only told. */
  readonly limit?: number;
}

export interface Result {
  readonly name: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
}

export interface Machine {
  readonly measured: string;
  readonly processor: string;
  readonly cores: number;
  readonly system: string;
  readonly node: string;
  readonly ssh: string;
  readonly rsync: string;
  /** Load average of the minute before: above the number of cores, the medians say little. */
  readonly load: number;
}

export function rowOf(
  what: string,
  [zdr, byHand]: readonly [Samples, Samples],
  limits: Pick<Row, "limit" | "roundTrips" | "roundTripLimit"> = {},
): Row {
  const ratio = Math.round((zdr.medianMs / byHand.medianMs) * 1000) / 1000;
  return { what, zdr, byHand, ratio, ...limits };
}

/** In words, where a limit was missed. */
export function misses({ rows, figures = [] }: Pick<Result, "rows"> & Partial<Result>): string[] {
  const none = Number.POSITIVE_INFINITY;
  const large = figures.flatMap(({ what, value, unit, limit = none }) =>
    value > limit ? [`${what}: ${value} ${unit}, and at most ${limit} ${unit} are right`] : [],
  );
  const slow = rows.flatMap(({ what, ratio, limit = none, roundTrips = 0, roundTripLimit = none }) => [
    ...(ratio > limit ? [`${what}: ${ratio}x, and at most ${limit}x is right`] : []),
    ...(roundTrips > roundTripLimit
      ? [`${what}: ${roundTrips} round trips, and at most ${roundTripLimit} are right`]
      : []),
  ]);
  return [...slow, ...large];
}
