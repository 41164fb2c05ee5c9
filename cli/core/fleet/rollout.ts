/** In which steps a fleet takes a release, and when it stops taking it. Pure. */

/** A batch: so many hosts, or a share of all of them. */
export type BatchSize = { readonly hosts: number } | { readonly percent: number };

export interface RolloutPlan {
  /** One after the other; the last one is repeated until every host has had its turn. */
  readonly batch: readonly BatchSize[];
  /** Between two batches, the hosts of those before are watched for so long. */
  readonly pauseMs: number;
  /** How many hosts may fail before no further batch is begun. */
  readonly maxFailures: number;
  /** What becomes of the hosts that took the release, once it is given up: they keep it, or go back too. */
  readonly onFailure: "stop" | "revert-all";
}

/** The hosts of each batch, in order. Shares are of all hosts, rounded up; every batch has at least one. */
export function batchesOf<Host>(hosts: readonly Host[], sizes: readonly BatchSize[]): Host[][] {
  const batches: Host[][] = [];
  let at = 0;
  while (at < hosts.length) {
    const size = sizes[Math.min(batches.length, sizes.length - 1)] ?? { hosts: hosts.length };
    const count = "hosts" in size ? size.hosts : Math.ceil((hosts.length * size.percent) / 100);
    const end = at + Math.max(1, count);
    batches.push(hosts.slice(at, end));
    at = end;
  }
  return batches;
}
