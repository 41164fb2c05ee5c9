/**
 * Ends what a dead agent left half done. Its last word in the ledger is `activating`, or `bad` where it was on its way back.
 *
 * - Before its flip nothing had changed, and nothing is done.
 * - On its way back it is brought back.
 * - Otherwise the new release is given the chance that it had: if it proves itself it is kept, if not, what served before
 *   serves again, and what ran before runs again. It is given that chance once: a release that ends agents, or hosts, would
 *   end one after the other.
 * - Where somebody has pointed `current` elsewhere in the meantime, that is left to them.
 */
import { activate, goBack } from "../activation/activate.ts";
import type { ActivationOrder } from "../activation/activation.ts";
import type { HostContext } from "../context.ts";
import { AgentError, isSupervisorAway } from "../core/failure.ts";
import { type InterruptedActivation, interruptedActivation, releaseRecords, revertTarget } from "../core/ledger.ts";
import { readCurrent } from "../io/current.ts";
import { appendLedger, readLedger } from "../io/ledger-file.ts";
import { presentReleases } from "../io/release/releases.ts";
import { refuseOrphans } from "../orphans/orphans.ts";
import type { ActivationReport } from "../wire/report.ts";
import { leaveNothing } from "./parts/first-deploy.ts";
import { withdraw } from "./parts/withdraw.ts";

export interface Recovered {
  /** What was found and done, as a sentence. */
  readonly said: string;
  /** What went wrong in it that changed nothing about that. */
  readonly warnings: readonly string[];
}

/** undefined: nothing was half done. Only for the holder of the lock. */
export async function recover(context: HostContext): Promise<Recovered | undefined> {
  const { entries } = readLedger(context.layout);
  const interrupted = interruptedActivation(entries);
  if (!interrupted) return undefined;
  const { tag, from, isReverting } = interrupted;
  const current = readCurrent(context.layout);
  if (current === from && from !== tag && !isReverting) return closeUntouched(context, interrupted);
  const records = releaseRecords(entries);
  const target = revertTarget(records, new Set(presentReleases(context.layout)), interrupted);
  if (current !== from && current !== tag && current !== target) return closeForeign(context, interrupted, current);
  for (const program of context.project.programs) await refuseOrphans(context, program);
  const report = await resume(context, interrupted);
  if (report.outcome === "reverted" && report.previous === undefined) await leaveNothing(context, tag);
  if (interrupted.why === "rollback" && report.outcome === "kept") withdraw(context, report);
  return { said: `the activation of ${tag} had been interrupted; ${endingWords(report)}`, warnings: report.warnings };
}

async function resume(
  context: HostContext,
  { activation, tag, from, why, up, isReverting }: InterruptedActivation,
): Promise<ActivationReport> {
  const gone = new AbortController().signal;
  const order: ActivationOrder = { tag, why: "recovery", resumed: { activation, from, up }, gone };
  if (isReverting || why === "recovery") return goBack(context, order, { reason: "interrupted" });
  try {
    return await activate(context, order);
  } catch (error) {
    // Its release can not even be tried: what served before is not kept waiting for that. Without supervisord nothing can.
    if (!(error instanceof AgentError) || isSupervisorAway(error.failure)) throw error;
    return goBack(context, order, error.failure);
  }
}

async function closeUntouched(
  context: HostContext,
  { activation, tag, from }: InterruptedActivation,
): Promise<Recovered> {
  const { layout, by } = context;
  const ending = { at: context.date().toISOString(), tag, by, activation, recovered: true };
  appendLedger(layout, { ...ending, event: "reverted", ...(from === undefined ? {} : { to: from }) });
  if (from === undefined) await leaveNothing(context, tag);
  const said = `the activation of ${tag} had been interrupted before its flip; ${from ?? "nothing"} still serves`;
  return { said, warnings: [] };
}

function closeForeign(
  context: HostContext,
  { activation, tag }: InterruptedActivation,
  current: string | undefined,
): Recovered {
  const { layout, by } = context;
  const at = context.date().toISOString();
  const ending = { at, tag, by, activation, recovered: true };
  appendLedger(layout, { ...ending, event: "stuck", reason: "current was changed by somebody else" });
  const since = `since then somebody has changed current to ${current ?? "nothing"}, and it was left so`;
  return { said: `the activation of ${tag} had been interrupted; ${since}`, warnings: [] };
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
