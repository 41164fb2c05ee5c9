/** A first deploy that failed leaves nothing behind: no current, and no release that nothing ever ran from. */
import type { HostContext } from "../../context.ts";
import { releaseRecords } from "../../core/ledger.ts";
import { readCurrent } from "../../io/current.ts";
import { appendLedger, readLedger } from "../../io/ledger-file.ts";
import { removeRelease } from "../../io/release/release-store.ts";

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
