/** Failure -> what failed and where, what to do about it, and the exit code. */
import type { ActivationReport } from "../agent/protocol.ts";
import type { ExitCode } from "./core/exit-code.ts";
import type { FailureReport } from "./core/failure-report.ts";
import type { Failure } from "./failure.ts";

/**
 * When a failure came. `plan`: nothing was written. `stage`: nothing serving changed. `activate`: the answer to an
 * `activate` or `control` request, so the agent changed nothing, or the link broke and nobody knows. `settle`: after all.
 */
export type Phase = "plan" | "stage" | "activate" | "settle";

export interface PhasedFailure {
  readonly failure: Failure;
  readonly phase: Phase;
}

export interface Explained extends FailureReport {
  readonly exit: ExitCode;
}

/** One failure in words. */
export declare function explain(failure: Failure, phase?: Phase): Explained;

/** Several failures in words: hosts that failed alike share a line. The exit code is that of the first; see combineExitCodes. */
export declare function explainAll(failures: readonly PhasedFailure[]): Explained;

/** An activation that was reverted (exit 7) or is stuck (exit 8); undefined where it did neither. */
export declare function explainActivation(host: string, report: ActivationReport): Explained | undefined;

/** Anything that is thrown and is no ZdrError: exit 70. */
export declare function explainBug(error: unknown): Explained;
