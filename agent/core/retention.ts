/**
 * Which releases go. Never current, never what a rollback would take, never what the last one came from (whoever went back wants
 * to look at it, or to go forward to it again), never what a living process runs from, and never one of the `keep` good
 * releases proved last. Failed and abandoned ones have no claim to a place, and go first.
 */
import { type ReleaseRecord, wasProved } from "./ledger.ts";

export interface RetentionFacts {
  /** Tags that stand under releases/. */
  readonly present: readonly string[];
  readonly records: ReadonlyMap<string, ReleaseRecord>;
  readonly current: string | undefined;
  readonly rollbackTarget: string | undefined;
  /** What an operator has just rolled back from. */
  readonly rolledBackFrom: string | undefined;
  /** Tags that a living process has as its exe, cwd, slot or mapped file. */
  readonly inUse: ReadonlySet<string>;
  readonly keep: number;
}

/** The tags to remove: those that were never proved, or failed, then the oldest. A release that the ledger does not know was not put there by zdr, and stays. */
export function releasesToPrune(facts: RetentionFacts): string[] {
  const { current, rollbackTarget, rolledBackFrom, inUse } = facts;
  const kept = new Set<string | undefined>([current, rollbackTarget, rolledBackFrom, ...inUse]);
  const good = facts.present
    .filter((tag) => wasProved(facts.records.get(tag)))
    .sort((a, b) => goodAt(facts, b) - goodAt(facts, a));
  for (const tag of good.slice(0, Math.max(facts.keep, 1))) kept.add(tag);
  return facts.present
    .filter((tag) => !kept.has(tag) && facts.records.has(tag))
    .sort((a, b) => claim(facts, a) - claim(facts, b));
}

function claim(facts: RetentionFacts, tag: string): number {
  return wasProved(facts.records.get(tag)) ? goodAt(facts, tag) : -1;
}

function goodAt(facts: RetentionFacts, tag: string): number {
  return facts.records.get(tag)?.goodAt ?? -1;
}
