/** Which deploy a report is about: the one that was named, or the last one, as all hosts tell of it. */
import type { HistoryEntry } from "../../../agent/wire/history.ts";
import type { Failure } from "../../failure.ts";
import { formatInstant } from "../report/describe.ts";

export interface HostHistory {
  readonly host: string;
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
}

export interface ChosenHost {
  readonly host: string;
  /** Oldest first: a host that took a release and was taken back has two. Empty: it took no part. */
  readonly entries: readonly HistoryEntry[];
}

export type Choice =
  | { readonly kind: "chosen"; readonly id: string | undefined; readonly hosts: readonly ChosenHost[] }
  | { readonly kind: "refused"; readonly failure: Failure };

/** As many letters of an ID as are taken for it. */
const SHORTEST_ID = 4;
const LISTED = 5;

/** `wanted`: an ID of `zdr history` or its beginning, or a release, of which the last deploy is meant; undefined: the last one of all. */
export function chooseDeploy(histories: readonly HostHistory[], wanted: string | undefined): Choice {
  const all = histories.flatMap(({ history }) => history).filter(isDeploy);
  const newestFirst = all.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  if (newestFirst.length === 0)
    return refused("nothing has been deployed to these hosts", "deploy first: zdr deploy --tag v1");
  if (wanted === undefined) return chosen(histories, newestFirst[0]);
  const ids = idsOf(newestFirst, wanted);
  if (ids.length > 1)
    return refused(`${JSON.stringify(wanted)} begins ${ids.length} IDs`, `which one: ${ids.join(", ")}`);
  const named = newestFirst.find((entry) => (ids.length === 1 ? idOf(entry) === ids[0] : entry.tag === wanted));
  if (named !== undefined) return chosen(histories, named);
  return refused(
    `there is no deploy ${JSON.stringify(wanted)} on these hosts`,
    `the last ones: ${listOf(newestFirst)}`,
  );
}

export const idOf = ({ by }: HistoryEntry): string | undefined => by?.command;

const isDeploy = ({ what }: HistoryEntry) => what !== "stage";

function idsOf(entries: readonly HistoryEntry[], wanted: string): string[] {
  const ids = [...new Set(entries.flatMap((entry) => idOf(entry) ?? []))];
  if (ids.includes(wanted)) return [wanted];
  return wanted.length < SHORTEST_ID ? [] : ids.filter((id) => id.startsWith(wanted));
}

function chosen(histories: readonly HostHistory[], meant: HistoryEntry | undefined): Choice {
  const id = meant === undefined ? undefined : idOf(meant);
  const hosts = histories.map(({ host, history }) => {
    const own = history.filter((entry) => id !== undefined && idOf(entry) === id);
    // A zdr that gave its commands no names: the last that this host tells of the same.
    const alike = history.find((entry) => idOf(entry) === undefined && isAlike(entry, meant));
    return { host, entries: id === undefined ? (alike === undefined ? [] : [alike]) : own.reverse() };
  });
  return { kind: "chosen", id, hosts };
}

function isAlike(entry: HistoryEntry, meant: HistoryEntry | undefined): boolean {
  return entry.tag === meant?.tag && entry.what === meant.what;
}

/** `3f2a91c0 (v2, 2026-11-20 10:39:12Z)`, each deploy once. */
function listOf(newestFirst: readonly HistoryEntry[]): string {
  const listed = new Map(
    newestFirst
      .map((entry) => [idOf(entry) ?? entry.tag, `${entry.tag}, ${formatInstant(entry.at)}`] as const)
      .reverse(),
  );
  return [...listed]
    .reverse()
    .slice(0, LISTED)
    .map(([id, words]) => `${id} (${words})`)
    .join("; ");
}

function refused(problem: string, hint: string): Choice {
  return { kind: "refused", failure: { kind: "usage", problem, hint } };
}
