/** What a report is made from, and what it says at a glance. */
import type { HistoryEntry, ProvedProgram } from "../../../agent/wire/history.ts";
import { TAG_PATTERN } from "../../../agent/wire/release.ts";
import type { ActivationTrace } from "../../../agent/wire/trace/trace.ts";
import { count, formatMs } from "../report/units.ts";
import { most, sum } from "./numbers.ts";

/** One activation of one host, or a release that was staged there and no more. */
export interface Part {
  readonly entry: HistoryEntry;
  /** Undefined: nothing was recorded, or it is gone. */
  readonly trace: ActivationTrace | undefined;
  /** Why it was not kept, in words. */
  readonly told: { readonly error: readonly string[]; readonly hints: readonly string[] } | undefined;
}

export interface ReportedHost {
  readonly host: string;
  /** Oldest first; empty: it took no part. */
  readonly parts: readonly Part[];
}

export interface ReportFacts {
  readonly project: string;
  /** Of the command, as `zdr history` shows it; undefined: the zdr that did it gave none. */
  readonly id: string | undefined;
  /** ISO 8601, of the page. */
  readonly madeAt: string;
  readonly hosts: readonly ReportedHost[];
  /** Hosts that could not be asked. */
  readonly silent: readonly { readonly host: string; readonly why: string }[];
}

/** How an outcome is marked: by a sign and a word, and only then by its colour. */
export type Mark = "good" | "bad" | "open";

export interface Outcome {
  readonly mark: Mark;
  readonly words: string;
}

export function outcomeOf({ ended, to, reason, recoveredBy }: HistoryEntry): Outcome {
  const why = reason === undefined || ended === "kept" ? "" : ` (${reason})`;
  const late = recoveredBy === undefined ? "" : ", after its agent had died";
  const words = `${ended === "reverted" ? `reverted to ${to ?? "nothing"}` : ended}${why}${late}`;
  const isOpen = ended === "under way" || ended === "interrupted" || ended === "staged";
  return { mark: ended === "kept" ? "good" : isOpen ? "open" : "bad", words };
}

export const SIGNS: Readonly<Record<Mark, string>> = { good: "✓", bad: "✗", open: "…" };

export interface Totals {
  readonly sent: number;
  readonly failed: number;
  readonly reconnects: number;
  readonly slowestMs: number;
}

/** Of all meters, from when the reload began; undefined: none of them measured. */
export function totalsOf(programs: readonly ProvedProgram[]): Totals | undefined {
  const meters = programs.flatMap(({ meter }) => meter?.during ?? []);
  if (meters.length === 0) return undefined;
  return {
    sent: sum(meters.map(({ sent }) => sent)),
    failed: sum(meters.map(({ failed }) => failed)),
    reconnects: sum(meters.map(({ reconnects }) => reconnects)),
    slowestMs: most(meters.map(({ slowestMs }) => slowestMs)),
  };
}

export const partsOf = ({ hosts }: ReportFacts): Part[] => hosts.flatMap(({ parts }) => parts);

/** What the command was for: of a deploy that was taken back, the release that it tried. */
export function goalOf(facts: ReportFacts): HistoryEntry | undefined {
  const entries = partsOf(facts).map(({ entry }) => entry);
  const oldestFirst = [...entries].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return oldestFirst.find(({ what }) => what !== "stage") ?? oldestFirst[0];
}

/** Where the page goes unless somebody says. Tag and ID come from hosts: only what fits their own rules gets into a path of this machine. */
export function fileNameOf(facts: ReportFacts): string {
  const { tag = "" } = goalOf(facts) ?? {};
  const { id = "" } = facts;
  const parts = [TAG_PATTERN.test(tag) ? tag : "", /^[0-9a-f]{1,32}$/.test(id) ? id : ""];
  return `${["report", ...parts.filter((part) => part !== "")].join("-")}.html`;
}

/** Of what was refused before the flip, or staged and no more, the ledger does not say what was current. */
export const isFlipped = ({ what, ended }: HistoryEntry): boolean => what !== "stage" && ended !== "refused";

/** What was current before, on the hosts that went on to the flip. */
export function originsOf(facts: ReportFacts): string[] {
  const tag = goalOf(facts)?.tag;
  const goals = partsOf(facts).filter(({ entry }) => entry.tag === tag && isFlipped(entry));
  return [...new Set(goals.map(({ entry }) => entry.from ?? "nothing"))];
}

/** How it ended on the whole: on each host its last activation counts. */
export function overallOf(facts: ReportFacts): Outcome {
  const tag = goalOf(facts)?.tag;
  const last = facts.hosts.flatMap(({ parts }) => parts.at(-1) ?? []).map(({ entry }) => entry);
  const kept = last.filter(({ ended, tag: own }) => ended === "kept" && own === tag);
  if (kept.length === last.length && last.length > 0) return { mark: "good", words: `kept on ${hostsOf(last.length)}` };
  const isOpen = last.some((entry) => outcomeOf(entry).mark === "open" && entry.ended !== "staged");
  const groups = new Map<string, number>();
  for (const entry of last) {
    const words = entry.tag === tag ? outcomeOf(entry).words : `taken back to ${entry.tag}`;
    groups.set(words, (groups.get(words) ?? 0) + 1);
  }
  const words = [...groups].map(([one, times]) => `${one} on ${hostsOf(times)}`).join(", ");
  return { mark: isOpen ? "open" : "bad", words };
}

const hostsOf = (number: number) => count(number, "host");

/** `1,204 requests, none failed, the slowest took 12 ms`. */
export function requestsWords(totals: Totals | undefined): string {
  if (totals === undefined) return "not measured";
  const { sent, failed, reconnects, slowestMs } = totals;
  const lost = failed === 0 ? "none failed" : `${grouped(failed)} failed`;
  const again = reconnects === 0 ? "" : `, ${count(reconnects, "reconnect")}`;
  return `${grouped(sent)} ${sent === 1 ? "request" : "requests"}, ${lost}${again}, the slowest took ${formatMs(slowestMs)}`;
}

/** `1,204` */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}
