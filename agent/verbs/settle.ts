/** `settle`: releases that nothing needs any more go, then the lock. A prune that fails is a warning. */
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { type ReleaseRecord, releaseRecords, rollbackTarget, rolledBackFrom } from "../core/ledger.ts";
import { releasesToPrune } from "../core/retention.ts";
import { readCurrent } from "../io/current.ts";
import { appendLedger, readLedger } from "../io/ledger-file.ts";
import { removeRelease } from "../io/release/release-store.ts";
import { occupants, presentReleases } from "../io/release/releases.ts";
import type { AgentEvent, RequestOf, SettleResult } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { HeldRelease } from "../wire/release.ts";
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
  return { pruned, held, warnings };
}

function whyOf(error: unknown): string {
  if (!(error instanceof AgentError)) return error instanceof Error ? error.message : String(error);
  const { failure } = error;
  if (failure.reason === "not-permitted") return `user ${failure.user} may not ${failure.operation} ${failure.path}`;
  return failure.reason === "io" ? `${failure.operation} ${failure.path}: ${failure.code}` : failure.reason;
}

interface Prunable {
  readonly tags: readonly string[];
  readonly held: HeldRelease[];
}

async function prunable(context: HostContext): Promise<Prunable> {
  const { layout, project } = context;
  const { entries } = readLedger(layout);
  const records = releaseRecords(entries);
  const present = presentReleases(layout);
  const current = readCurrent(layout);
  const facts = {
    ...{ present, records, current, keep: project.keep },
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
