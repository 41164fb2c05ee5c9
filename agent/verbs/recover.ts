/**
 * Ends what a dead agent left half done. Its last word in the ledger is `activating`; what is really there decides:
 * programs that provably run the new release keep it, anything else goes back to what served before.
 */
import { activate } from "../activation/activate.ts";
import type { HostContext } from "../context.ts";
import { interruptedActivation, releaseRecords } from "../core/ledger.ts";
import { readCurrent } from "../io/current.ts";
import { appendLedger, readLedger } from "../io/ledger-file.ts";
import type { ActivationReport } from "../protocol.ts";
import { leaveNothing } from "./first-deploy.ts";

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
    if (from === undefined) await leaveNothing(context, tag);
    return `the activation of ${tag} had been interrupted before its flip; ${from ?? "nothing"} still serves`;
  }
  const isThere = from !== undefined && releaseRecords(entries).get(from)?.verdict !== "removed";
  const gone = new AbortController().signal;
  const report = await activate(context, { tag, why: "recovery", ...(isThere ? { from } : {}), gone });
  if (report.outcome === "reverted" && report.previous === undefined) await leaveNothing(context, tag);
  return `the activation of ${tag} had been interrupted; ${endingWords(report)}`;
}

function endingWords({ outcome, tag, previous, serves }: ActivationReport): string {
  switch (outcome) {
    case "kept":
    case "unchanged":
      return `it was finished, and ${tag} serves`;
    case "reverted":
      return `it did not prove itself, and ${previous === undefined ? "was undone" : `${previous} serves again`}`;
    case "stuck":
      return `neither it nor what was there before could be proved: ${serves ?? "look at the host"}`;
  }
}
