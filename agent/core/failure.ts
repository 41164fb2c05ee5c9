import type { AgentFailure } from "../wire/failure.ts";

/** Expected trouble on its way up. What it carries is data for the CLI; anything else that is thrown is a bug. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly failure: AgentFailure;

  constructor(failure: AgentFailure, cause?: unknown) {
    super(failure.reason, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}

const AWAY: ReadonlySet<AgentFailure["reason"]> = new Set([
  "supervisor-not-running",
  "supervisor-silent",
  "supervisor-shutting-down",
]);

/** Whether supervisord does not answer, so that nothing can be said of what it holds. */
export function isSupervisorAway({ reason }: AgentFailure): boolean {
  return AWAY.has(reason);
}

/** What was thrown, as data: whoever answers the CLI answers whatever happens. What is no expected trouble is a bug. */
export function failureOf(error: unknown): AgentFailure {
  if (error instanceof AgentError) return error.failure;
  return { reason: "internal", detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** What was thrown in a word, for what is told beside something else: `EFBIG`, `no-space`. */
export function reasonOf(error: unknown): string {
  const failure = failureOf(error);
  return failure.reason === "io" ? failure.code : failure.reason;
}
