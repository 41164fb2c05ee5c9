import type { AgentFailure } from "../protocol.ts";

/** Expected trouble on its way up. What it carries is data for the CLI; anything else that is thrown is a bug. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly failure: AgentFailure;

  constructor(failure: AgentFailure, cause?: unknown) {
    super(failure.reason, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}
