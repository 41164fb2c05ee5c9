/** `settle`: releases that nothing needs any more go, then the lock. A prune that fails is a warning. */
import type { HostContext } from "../context.ts";
import { type ReleaseRecord, releaseRecords, rollbackTarget } from "../core/ledger.ts";
import { releasesToPrune } from "../core/retention.ts";
import { readCurrent } from "../io/current.ts";
import { appendLedger, readLedger } from "../io/ledger-file.ts";
import { removeRelease } from "../io/release/release-store.ts";
import { presentReleases, releasesStoodIn } from "../io/release/releases.ts";
import type { AgentEvent, RequestOf, SettleResult } from "../protocol.ts";
import type { Session } from "../session.ts";
import { giveLockUp } from "./parts/lock.ts";
import { lockedContext } from "./parts/open.ts";
import { runningReleases } from "./parts/running.ts";

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
  for (const tag of await prunable(context)) {
    try {
      const { leftover } = await removeRelease(context.layout, tag);
      appendLedger(context.layout, { event: "removed", at: context.date().toISOString(), tag, by: context.by });
      pruned.push(tag);
      if (leftover !== undefined) warnings.push(`${tag} was removed, but ${leftover} holds files of another user`);
    } catch (error) {
      warnings.push(`${tag} could not be removed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { pruned, warnings };
}

function lastProved(records: ReadonlyMap<string, ReleaseRecord>, present: readonly string[], count: number): string[] {
  const goodAt = (tag: string) => records.get(tag)?.goodAt ?? -1;
  return present
    .filter((tag) => goodAt(tag) >= 0)
    .sort((a, b) => goodAt(b) - goodAt(a))
    .slice(0, count);
}

async function prunable(context: HostContext): Promise<string[]> {
  const { layout, project } = context;
  const records = releaseRecords(readLedger(layout).entries);
  const present = presentReleases(layout);
  const current = readCurrent(layout);
  const known = { present, records, current, keep: project.keep };
  const target = rollbackTarget(records, new Set(present), current);
  // Mostly there is nothing to remove, and then nobody has to look at every process of the host.
  if (releasesToPrune({ ...known, rollbackTarget: target, inUse: new Set() }).length === 0) return [];
  const inUse = releasesStoodIn(layout, present);
  const running = await runningReleases(context);
  for (const tag of running.flatMap(({ releases }) => releases)) inUse.add(tag);
  // What can not be looked into may still drain on the release before: one more is kept then.
  if (running.some(({ isHidden }) => isHidden)) for (const tag of lastProved(records, present, 2)) inUse.add(tag);
  return releasesToPrune({ ...known, rollbackTarget: target, inUse });
}
