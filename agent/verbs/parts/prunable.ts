/** Which releases nothing needs any more, and who keeps the others from going. Only looks. */
import type { HostContext } from "../../context.ts";
import {
  type LedgerEntry,
  type ReleaseRecord,
  releaseRecords,
  rollbackTarget,
  rolledBackFrom,
} from "../../core/ledger.ts";
import { releasesToPrune } from "../../core/retention.ts";
import { readCurrent } from "../../io/current.ts";
import { readLedger } from "../../io/ledger-file.ts";
import { occupants, presentReleases } from "../../io/release/releases.ts";
import type { HeldRelease } from "../../wire/release.ts";
import { runningReleases } from "./running.ts";

export interface Prunable {
  readonly tags: readonly string[];
  /** Releases whose time has come, but for somebody who lives there. */
  readonly held: HeldRelease[];
}

interface Standing {
  readonly entries: readonly LedgerEntry[];
  readonly present: readonly string[];
  readonly current: string | undefined;
}

/** As things are. */
export function prunable(context: HostContext): Promise<Prunable> {
  const { layout } = context;
  return prunableOf(context, {
    entries: readLedger(layout).entries,
    present: presentReleases(layout),
    current: readCurrent(layout),
  });
}

/** As they would be once this release was put there and proved. What the old one's processes hold, they hold no more then. */
export function prunableAfter(context: HostContext, tag: string): Promise<Prunable> {
  const { layout, by } = context;
  const at = context.date().toISOString();
  const proved: LedgerEntry = {
    ...{ event: "good", at, tag, by, activation: "foreseen" },
    ...{ proof: "none", evidence: [], ms: 0 },
  };
  return prunableOf(context, {
    entries: [...readLedger(layout).entries, proved],
    present: [...new Set([...presentReleases(layout), tag])],
    current: tag,
  });
}

async function prunableOf(context: HostContext, { entries, present, current }: Standing): Promise<Prunable> {
  const records = releaseRecords(entries);
  const facts = {
    ...{ present, records, current, keep: context.project.keep },
    rollbackTarget: rollbackTarget(records, new Set(present), current),
    rolledBackFrom: rolledBackFrom(entries, current),
  };
  // Mostly there is nothing to remove, and then nobody has to look at every process of the host.
  const wanted = releasesToPrune({ ...facts, inUse: new Set() });
  if (wanted.length === 0) return { tags: [], held: [] };
  const users = await usersOf(context, present, records);
  const tags = releasesToPrune({ ...facts, inUse: new Set(users.keys()) });
  const held = wanted.flatMap((tag) => users.get(tag) ?? []);
  return { tags, held };
}

/** Who needs which release to stay. */
async function usersOf(
  context: HostContext,
  present: readonly string[],
  records: ReadonlyMap<string, ReleaseRecord>,
): Promise<Map<string, HeldRelease>> {
  const users = new Map<string, HeldRelease>();
  for (const [tag, occupant] of occupants(context.layout, present)) users.set(tag, { tag, ...occupant });
  const note = (tag: string, held: HeldRelease) => users.has(tag) || users.set(tag, held);
  for (const { program, info, processes } of await runningReleases(context)) {
    const command = program.name;
    for (const { pid, release: tag } of processes) {
      if (tag !== undefined) note(tag, { tag, pid, command, as: "executes" });
    }
    // What can not be looked into may still drain on the release before: one more is kept then.
    if (!processes.some(({ denied }) => denied)) continue;
    for (const tag of lastProved(records, present, 2)) note(tag, { tag, pid: info?.pid ?? 0, command, as: "may run" });
  }
  return users;
}

function lastProved(records: ReadonlyMap<string, ReleaseRecord>, present: readonly string[], count: number): string[] {
  const goodAt = (tag: string) => records.get(tag)?.goodAt ?? -1;
  return present
    .filter((tag) => goodAt(tag) >= 0)
    .sort((a, b) => goodAt(b) - goodAt(a))
    .slice(0, count);
}
