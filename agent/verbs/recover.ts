/**
 * Ends what a dead agent left half done. Its last word in the ledger is `activating`; what is really there decides:
 * programs that provably run the new release keep it, anything else goes back to what served before.
 */
import { activate } from "../activation/activate.ts";
import type { HostContext } from "../context.ts";
import { interruptedActivation, releaseRecords } from "../core/ledger.ts";
import { readCurrent, removeCurrent } from "../io/current.ts";
import { appendLedger, readLedger } from "../io/ledger-file.ts";

/** What was found and done, as a sentence; undefined: nothing was half done. Only for the holder of the lock. */
export async function recover(context: HostContext): Promise<string | undefined> {
  const { layout, by } = context;
  const { entries } = readLedger(layout);
  const interrupted = interruptedActivation(entries);
  if (!interrupted) return undefined;
  const { activation, tag, from } = interrupted;
  const ending = { at: context.date().toISOString(), tag, by, activation };
  if (readCurrent(layout) === from) {
    appendLedger(layout, { ...ending, event: "reverted", ...(from === undefined ? {} : { to: from }) });
    return `the activation of ${tag} had been interrupted before its flip; ${from ?? "nothing"} still serves`;
  }
  const target = from !== undefined && releaseRecords(entries).get(from)?.verdict !== "removed" ? from : undefined;
  if (target === undefined) {
    removeCurrent(layout);
    appendLedger(layout, { ...ending, event: "reverted" });
    return `the first activation, of ${tag}, had been interrupted; it was undone`;
  }
  const gone = new AbortController().signal;
  const kept = await activate(context, { tag, why: "recovery", from: target, gone });
  if (kept.outcome === "kept")
    return `the activation of ${tag} had been interrupted; it was finished, and ${tag} serves`;
  return `the activation of ${tag} had been interrupted; it did not prove itself, and ${kept.serves ?? "nothing"} serves`;
}
