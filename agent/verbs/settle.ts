/** `settle`: releases that nothing needs any more go, then the lock. A prune that fails is a warning. */
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { appendLedger, readLedger } from "../io/ledger-file.ts";
import { removeRelease } from "../io/release/release-store.ts";
import type { AgentEvent, RequestOf, SettleResult } from "../protocol.ts";
import type { Session } from "../session.ts";
import { pruneTraces } from "../trace/file.ts";
import { giveLockUp } from "./parts/lock.ts";
import { lockedContext } from "./parts/open.ts";
import { prunable } from "./parts/prunable.ts";

export async function runSettle(
  session: Session,
  _request: RequestOf<"settle">,
  emit: (event: AgentEvent) => void,
): Promise<SettleResult> {
  return settleHost(session, lockedContext(session, emit));
}

/** Prunes, and gives the lock up. */
export async function settleHost(session: Session, context: HostContext): Promise<SettleResult> {
  const result = await prune(context);
  giveLockUp(session);
  return result;
}

async function prune(context: HostContext): Promise<SettleResult> {
  const pruned: string[] = [];
  const warnings: string[] = [];
  const { tags, held } = await prunable(context);
  for (const tag of tags) {
    try {
      const { leftover } = await removeRelease(context.layout, tag);
      appendLedger(context.layout, { event: "removed", at: context.date().toISOString(), tag, by: context.by });
      pruned.push(tag);
      if (leftover !== undefined) warnings.push(`${tag} was removed, but ${leftover} holds files of another user`);
    } catch (error) {
      warnings.push(`${tag} could not be removed: ${whyOf(error)}`);
    }
  }
  pruneTraces(context.layout, () => readLedger(context.layout).entries);
  return { pruned, held, warnings };
}

function whyOf(error: unknown): string {
  if (!(error instanceof AgentError)) return error instanceof Error ? error.message : String(error);
  const { failure } = error;
  if (failure.reason === "not-permitted") return `user ${failure.user} may not ${failure.operation} ${failure.path}`;
  return failure.reason === "io" ? `${failure.operation} ${failure.path}: ${failure.code}` : failure.reason;
}
