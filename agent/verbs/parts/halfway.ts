/** Whether an activation on this host has begun and not ended, or somebody is at work there: for those who only look. */
import { AgentError } from "../../core/failure.ts";
import { type Layout, layoutOf } from "../../core/layout.ts";
import { interruptedActivation } from "../../core/ledger.ts";
import { readLedgerEnd } from "../../io/ledger-file.ts";
import { lockHolder } from "../../io/lock.ts";
import type { StatusResult } from "../../wire/program.ts";

/** Undefined also where this user may not know. */
export function halfwayActivation(deployTo: string): StatusResult["halfway"] {
  const layout = layoutOf(deployTo);
  try {
    // Who is at work is asked first: an activation that ends in between has its end in the ledger.
    const isUnderWay = lockHolder(layout) !== undefined;
    const open = interruptedActivation(readLedgerEnd(layout));
    if (open === undefined) return undefined;
    const { tag, from, at } = open;
    return { tag, at, isUnderWay, ...(from === undefined ? {} : { from }) };
  } catch (error) {
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}

/** Whether another command is at work here, or a dead agent has left its own half done. For those who do not hold the lock. */
export function isUnsettled(layout: Layout): boolean {
  return lockHolder(layout) !== undefined || interruptedActivation(readLedgerEnd(layout)) !== undefined;
}
