/**
 * The ledger: each host's record of what became of every release.
 *
 * - Only an activation that was proved makes a release good.
 * - The last word on a release counts: good, then failed at a later activation, is bad.
 * - A release that an operator rolled back from is no target of the next rollback.
 * - An activation that has a beginning and no end was interrupted.
 *
 * Pure: lines in, verdicts out. The file is agent/io/ledger-file.ts's business.
 */
import * as z from "zod/mini";
import { Phases, ProvedProgram } from "../wire/history.ts";
import { Actor } from "../wire/plan.ts";
import { Revision, type Verdict } from "../wire/release.ts";

const always = {
  at: z.string(),
  tag: z.string(),
  by: z.optional(Actor),
  /** Milliseconds of each phase that this entry ends, in their order. */
  phases: z.optional(Phases),
};
const activation = {
  ...always,
  activation: z.string(),
  /** By whoever came after the agent that had begun it, and had died. */
  recovered: z.optional(z.boolean()),
};
/** What was proved, how, and what it cost. */
const proved = {
  proof: z.string(),
  evidence: z.array(z.string()),
  programs: z.optional(z.array(ProvedProgram)),
  /** Since the flip. */
  ms: z.number(),
};

export const LedgerEntry = z.discriminatedUnion("event", [
  z.object({
    event: z.literal("staged"),
    ...always,
    digest: z.string(),
    revision: z.optional(Revision),
    receivedBytes: z.number(),
    ms: z.number(),
  }),
  /** Written and synced before the flip. */
  z.object({
    event: z.literal("activating"),
    ...activation,
    from: z.optional(z.string()),
    why: z.enum(["deploy", "rollback", "recovery"]),
    /** The programs that ran, so that whoever ends this for a dead agent knows what "as before" means. */
    up: z.optional(z.array(z.string())),
  }),
  z.object({
    event: z.literal("good"),
    ...activation,
    ...proved,
  }),
  /** `why`: of a release that was refused, and has no beginning. */
  z.object({
    event: z.literal("bad"),
    ...activation,
    reason: z.string(),
    why: z.optional(z.enum(["deploy", "rollback", "recovery"])),
  }),
  /** The activation of `tag` ended with `to` serving again (absent: a first deploy, nothing serves), which was proved. */
  z.object({
    event: z.literal("reverted"),
    ...activation,
    to: z.optional(z.string()),
    ...z.partial(z.object(proved)).shape,
  }),
  z.object({ event: z.literal("stuck"), ...activation, reason: z.string(), ms: z.optional(z.number()) }),
  /** An operator rolled back from it. */
  z.object({ event: z.literal("withdrawn"), ...always, to: z.string() }),
  z.object({ event: z.literal("removed"), ...always }),
]);
export type LedgerEntry = z.infer<typeof LedgerEntry>;

export interface ReleaseRecord {
  readonly tag: string;
  readonly verdict: Verdict;
  readonly at: string;
  readonly by: LedgerEntry["by"];
  readonly revision: z.infer<typeof Revision> | undefined;
  /** Position of the last `good` in the ledger, for "the last good one"; -1: never. */
  readonly goodAt: number;
}

export interface ParsedLedger {
  readonly entries: readonly LedgerEntry[];
  /** Line numbers, from 1, that are no entries. A torn last line is not among them: its writer died, it never counted. */
  readonly damagedLines: readonly number[];
}

/** Reads the whole file's text. Entries of a newer zdr that this one does not know are passed over as damaged. */
export function parseLedger(text: string): ParsedLedger {
  const entries: LedgerEntry[] = [];
  const damagedLines: number[] = [];
  const lines = text.split("\n");
  const torn = lines.pop();
  if (torn !== undefined && torn !== "") lines.push(torn);
  lines.forEach((line, index) => {
    if (line === "") return;
    const entry = parseEntry(line);
    if (entry) entries.push(entry);
    else if (!(index === lines.length - 1 && torn !== "")) damagedLines.push(index + 1);
  });
  return { entries, damagedLines };
}

function parseEntry(line: string): LedgerEntry | undefined {
  try {
    const parsed = LedgerEntry.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

const VERDICTS: Record<LedgerEntry["event"], Verdict | undefined> = {
  staged: "staged",
  activating: "activating",
  good: "good",
  bad: "bad",
  reverted: undefined,
  stuck: "bad",
  withdrawn: "withdrawn",
  removed: "removed",
};

/** Staging again what is there already says nothing new of a release that was proved, or that failed. */
const SETTLED = new Set<Verdict>(["good", "bad", "withdrawn"]);

/** What the ledger says of each release, in the order in which they first appear. */
export function releaseRecords(entries: readonly LedgerEntry[]): Map<string, ReleaseRecord> {
  const records = new Map<string, ReleaseRecord>();
  entries.forEach((entry, index) => {
    const before = records.get(entry.tag);
    if (entry.event === "staged" && before !== undefined && SETTLED.has(before.verdict)) return;
    const verdict = VERDICTS[entry.event];
    if (verdict === undefined) return;
    records.set(entry.tag, {
      tag: entry.tag,
      verdict,
      at: entry.at,
      by: entry.by ?? before?.by,
      revision: entry.event === "staged" ? entry.revision : before?.revision,
      goodAt: entry.event === "good" ? index : (before?.goodAt ?? -1),
    });
  });
  return records;
}

/** One that an operator rolled back from was proved too, and may be wanted again by its name. */
export function wasProved(record: ReleaseRecord | undefined): boolean {
  return record?.verdict === "good" || record?.verdict === "withdrawn";
}

/** The release that `zdr rollback` takes: the one proved last among the good ones that are present, other than current. */
export function rollbackTarget(
  records: ReadonlyMap<string, ReleaseRecord>,
  present: ReadonlySet<string>,
  current: string | undefined,
): string | undefined {
  let best: ReleaseRecord | undefined;
  for (const record of records.values()) {
    if (record.verdict !== "good" || record.tag === current || !present.has(record.tag)) continue;
    if (best === undefined || record.goodAt > best.goodAt) best = record;
  }
  return best?.tag;
}

/**
 * What a failed activation of `tag` goes back to: what was current before it. But never to one that the ledger knows not to be
 * good (it failed since it was proved, or never was): then to the one proved last, where there is one. What zdr does not
 * know was put there by somebody else, and served.
 */
export function revertTarget(
  records: ReadonlyMap<string, ReleaseRecord>,
  present: ReadonlySet<string>,
  { tag, from }: { readonly tag: string; readonly from: string | undefined },
): string | undefined {
  const verdict = from === undefined ? undefined : records.get(from)?.verdict;
  const isFit = verdict === undefined || verdict === "good" || verdict === "withdrawn";
  return isFit || from === tag ? from : (rollbackTarget(records, present, tag) ?? from);
}

/** The release that an operator has just rolled back from; undefined: since then another one was proved, or there was none. */
export function rolledBackFrom(entries: readonly LedgerEntry[], current: string | undefined): string | undefined {
  let last: { readonly tag: string; readonly to: string } | undefined;
  for (const entry of entries) {
    if (entry.event === "withdrawn") last = entry;
    else if (entry.event === "good") last = undefined;
  }
  return last !== undefined && last.to === current ? last.tag : undefined;
}

export interface InterruptedActivation {
  readonly activation: string;
  readonly tag: string;
  /** When it began, or was begun anew. */
  readonly at: string;
  readonly from: string | undefined;
  readonly why: "deploy" | "rollback" | "recovery";
  /** Undefined: an older zdr did not say. */
  readonly up: readonly string[] | undefined;
  /** It had failed already, and was on its way back. */
  readonly isReverting: boolean;
}

/** The last activation, if it began and never ended: its agent died. */
export function interruptedActivation(entries: readonly LedgerEntry[]): InterruptedActivation | undefined {
  let open: InterruptedActivation | undefined;
  for (const entry of entries) {
    if (entry.event === "activating") {
      const { activation, tag, at, from, why, up } = entry;
      open = { activation, tag, at, from, why, up, isReverting: false };
    } else if (open !== undefined && "activation" in entry && entry.activation === open.activation) {
      open = isActivationEnd(entry) ? undefined : { ...open, isReverting: entry.event === "bad" };
    }
  }
  return open;
}

/** `bad` alone is no end: what serves now is said by the `reverted` or `stuck` that follows. */
function isActivationEnd(entry: LedgerEntry): boolean {
  return entry.event === "good" || entry.event === "reverted" || entry.event === "stuck";
}
