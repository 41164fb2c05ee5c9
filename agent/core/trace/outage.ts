/** How long nobody served well in an activation that was taken back. Pure: moments of one clock in, milliseconds out. */

export type Deed = "none" | "start" | "reload" | "restart";

/** What was done to bring the program onto the release that failed. */
export interface Tried {
  readonly action: Exclude<Deed, "none">;
  /** Of the stop, the start or the signal. */
  readonly at: number;
  /** When that release was ready; absent: it never was. */
  readonly readyAt?: number;
}

export interface Course {
  readonly tried: Tried;
  readonly failedAt: number;
  /** Whether it is this program's release that failed, and not a hook or another program while this one served. */
  readonly isAtFault: boolean;
  /** Of the first request that failed since the flip, where any was sent. */
  readonly firstFailureAt?: number | undefined;
  /** How it was brought back: `at` the stop, the start or the signal. */
  readonly back: { readonly action: Deed; readonly at: number; readonly readyMs: number };
}

/**
 * From the stop of the old release until it was ready again, without the time in which the other one was ready in between.
 * After a reload the old one may have served all along: there is an outage only where it had to be started, from the first
 * request that failed, or else from the failure on. Undefined: neither release was ever stopped.
 */
export function outageMs({ tried, failedAt, isAtFault, firstFailureAt, back }: Course): number | undefined {
  const isStopped = back.action === "start" || back.action === "restart";
  if (tried.action === "reload" && !isStopped) return undefined;
  const backAt = back.at + back.readyMs;
  const lostAt = isAtFault ? failedAt : back.at;
  if (tried.action === "reload") return backAt - (isAtFault ? Math.min(firstFailureAt ?? lostAt, lostAt) : lostAt);
  if (tried.readyAt === undefined) return backAt - tried.at;
  return tried.readyAt - tried.at + (isStopped || isAtFault ? backAt - lostAt : 0);
}
