/** What each exit code means; the table of README.md. */
export const EXIT = {
  done: 0,
  /** Usage or config. */
  usage: 2,
  /** Another command holds the lock. */
  locked: 3,
  /** A host cannot be reached, is not the one that it should be, or lets nobody in. */
  unreachable: 4,
  /** Refused before anything was changed. */
  refused: 5,
  /** Failed while staging: nothing serving changed. */
  staging: 6,
  /** Failed and reverted: every host is as before, verified. */
  reverted: 7,
  /** Hosts differ, or a revert could not be proved: a person must look. */
  stuck: 8,
  /** The new release serves, but more requests failed than in the baseline. */
  lossy: 9,
  /** `plan` only: there is something to do. */
  pending: 10,
  /** A bug in zdr. */
  bug: 70,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What became of one host, as far as exit codes go. */
export type HostOutcome =
  /** The new release serves. `lossy`: more requests failed than before, and the strategy promises no gap. */
  | { readonly kind: "kept"; readonly lossy: boolean }
  /** It is as it was before the command. `exit`: of its own failure, `done` where it had none (not reached, or nothing to do). */
  | { readonly kind: "as-before"; readonly exit: ExitCode }
  | { readonly kind: "reverted" }
  /** Neither the new release nor the old one could be proved, or nobody knows. */
  | { readonly kind: "stuck" };
