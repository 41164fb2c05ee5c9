/** What each exit code means; the table of README.md. */
import type { ActivationReport, ProgramReport } from "../../agent/wire/report.ts";

export const EXIT = {
  done: 0,
  /** Usage or config; or stdout, or a file that was asked for, could not be written. */
  usage: 2,
  /** Another command holds the lock. */
  locked: 3,
  /** A host cannot be reached, is not the one that it should be, or lets nobody in. */
  unreachable: 4,
  /** Refused: nothing that serves was changed. */
  refused: 5,
  /** Failed while staging: nothing serving changed. */
  staging: 6,
  /** Failed and reverted: every host is as before, verified. */
  reverted: 7,
  /** Hosts differ, or a revert could not be proved: a person must look. */
  stuck: 8,
  /** The new release serves, but more requests failed in a reload than in the baseline. */
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
  /** The new release serves. `lossy`: more requests failed than before, in a reload. */
  | { readonly kind: "kept"; readonly lossy: boolean }
  /** It is as it was before the command. `exit`: of its own failure, `done` where it had none (not reached, or nothing to do). */
  | { readonly kind: "as-before"; readonly exit: ExitCode }
  | { readonly kind: "reverted" }
  /** Neither the new release nor the old one could be proved, or nobody knows. */
  | { readonly kind: "stuck" };

/** What became of a host by its own report. */
export function outcomeOf(report: ActivationReport): HostOutcome {
  switch (report.outcome) {
    case "kept":
      return { kind: "kept", lossy: report.programs.some(isLossy) };
    case "unchanged":
      return { kind: "as-before", exit: EXIT.done };
    case "reverted":
      return { kind: "reverted" };
    case "stuck":
      return { kind: "stuck" };
  }
}

/** What became of a host that answered no report, by the exit code of its failure (explain). */
export function outcomeOfFailure(exit: ExitCode): HostOutcome {
  if (exit === EXIT.stuck) return { kind: "stuck" };
  return exit === EXIT.reverted ? { kind: "reverted" } : { kind: "as-before", exit };
}

/** One exit code for all hosts of a command. An interruption is told by main, whatever the hosts say. */
export function combineExitCodes(outcomes: readonly HostOutcome[]): ExitCode {
  const kept = outcomes.filter((outcome) => outcome.kind === "kept");
  const failures = outcomes.flatMap((outcome) => (outcome.kind === "as-before" ? failureExit(outcome.exit) : []));
  const reverted = outcomes.some((outcome) => outcome.kind === "reverted");
  if (outcomes.some((outcome) => outcome.kind === "stuck")) return EXIT.stuck;
  if (kept.length > 0 && (reverted || failures.length > 0)) return EXIT.stuck;
  if (kept.some((outcome) => outcome.lossy)) return EXIT.lossy;
  if (reverted) return EXIT.reverted;
  return PRECEDENCE.find((code) => failures.includes(code)) ?? EXIT.done;
}

/** Where nothing that serves was changed: the code that asks most of the operator wins. */
const PRECEDENCE: readonly ExitCode[] = [
  EXIT.interrupted,
  EXIT.terminated,
  EXIT.bug,
  EXIT.staging,
  EXIT.refused,
  EXIT.unreachable,
  EXIT.usage,
  EXIT.locked,
];

function failureExit(exit: ExitCode): ExitCode[] {
  return exit === EXIT.done ? [] : [exit];
}

/** Shares are compared, not counts: the baseline is shorter than the reload. A start or restart promises no gap. */
export function isLossy(program: ProgramReport): boolean {
  if (program.action !== "reload" || program.meter === undefined) return false;
  const { baseline, during } = program.meter;
  return during.failed * Math.max(1, baseline.sent) > baseline.failed * Math.max(1, during.sent);
}
