/**
 * A first deploy that failed leaves nothing behind: no current, and no release that nothing ever ran from. One whose link has died leaves
 * the release: whoever connects again goes on with it.
 */
import type { HostContext } from "../../context.ts";
import { AgentError } from "../../core/failure.ts";
import { releaseRecords } from "../../core/ledger.ts";
import { readCurrent } from "../../io/current.ts";
import { appendLedger, readLedger } from "../../io/ledger-file.ts";
import { removeRelease } from "../../io/release/release-store.ts";
import { GIVEN_UP } from "../../io/wire.ts";
import type { RequestOf } from "../../protocol.ts";
import type { Session } from "../../session.ts";

/** Runs `work`, which makes a release serve or refuses it; of a first deploy that fails, or is taken back, nothing is left. */
export async function orLeaveNothing<T extends object>(
  context: HostContext,
  { gone }: Session["wire"],
  { tag, why }: Pick<RequestOf<"activate">, "tag" | "why">,
  work: () => Promise<T>,
): Promise<T> {
  const isFirst = why === "deploy" && readCurrent(context.layout) === undefined;
  try {
    const report = await work();
    if (isFirst && "outcome" in report && report.outcome === "reverted") await leaveNothing(context, tag);
    return report;
  } catch (error) {
    if (isFirst && !isCutOff(error, gone)) await leaveNothing(context, tag);
    throw error;
  }
}

/** Removes the release, unless `current` names one, or this one was ever proved. What can not be removed is no failure beside the one that led here. */
export async function leaveNothing(context: HostContext, tag: string): Promise<void> {
  const { layout, by } = context;
  try {
    if (readCurrent(layout) !== undefined) return;
    const record = releaseRecords(readLedger(layout).entries).get(tag);
    if (record !== undefined && record.goodAt >= 0) return;
    await removeRelease(layout, tag);
    appendLedger(layout, { event: "removed", at: context.date().toISOString(), tag, by });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    context.emit({ event: "warning", text: `${tag} could not be removed: ${text}` });
  }
}

function isCutOff(error: unknown, gone: AbortSignal): boolean {
  const isInterrupted = error instanceof AgentError && error.failure.reason === "interrupted";
  return isInterrupted && gone.reason !== GIVEN_UP;
}
