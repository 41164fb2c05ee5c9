/**
 * The ledger's lines, put together: one entry for each activation, from its staging to its end.
 *
 * A release that was staged and never activated is an entry of its own. Removals, and what an operator withdrew, are told by
 * the releases and not here.
 */
import type { HistoryEntry, Phases } from "../../wire/history.ts";
import type { LedgerEntry } from "../ledger.ts";

type Entry<Event extends LedgerEntry["event"]> = Extract<LedgerEntry, { event: Event }>;
type Draft = { -readonly [Key in keyof HistoryEntry]: HistoryEntry[Key] };

/** Oldest first. `isHeld`: a command is at work now, so that what has no end is not over yet. */
export function historyOf(entries: readonly LedgerEntry[], isHeld: boolean): HistoryEntry[] {
  const history: Draft[] = [];
  /** By tag: staged, and not activated since. */
  const waiting = new Map<string, Draft>();
  const begun = new Map<string, Draft>();
  /** What is current, as far as the ledger has told. */
  let current: string | undefined;
  const add = (draft: Draft) => {
    history.push(draft);
    return draft;
  };
  for (const entry of entries) {
    if (entry.event === "staged") waiting.set(entry.tag, add(stagedDraft(entry)));
    if (!("activation" in entry)) continue;
    const own = begun.get(entry.activation);
    const draft = own ?? waiting.get(entry.tag) ?? add(draftOf(entry, "deploy"));
    if (own === undefined) {
      waiting.delete(entry.tag);
      if (entry.event === "activating") begun.set(entry.activation, draft);
    }
    take(draft, entry, own !== undefined);
    // Of what was refused nobody wrote down what served.
    if (draft.ended === "refused" && current !== undefined) draft.from = current;
    if (entry.event === "good") current = entry.tag;
    if (entry.event === "reverted") current = entry.to;
  }
  for (const draft of begun.values()) {
    if (draft.ended === "under way" && !isHeld) draft.ended = "interrupted";
  }
  return history;
}

function take(draft: Draft, entry: Extract<LedgerEntry, { activation: string }>, isKnown: boolean): void {
  addPhases(draft, entry.phases);
  addSpans(draft, entry);
  draft.activation = entry.activation;
  if (entry.recovered === true && entry.by !== undefined) draft.recoveredBy = entry.by;
  switch (entry.event) {
    case "activating":
      // Of a recovery: what was begun, by whom and from where, has been said.
      if (isKnown) break;
      draft.what = entry.why === "rollback" ? "rollback" : "deploy";
      draft.ended = "under way";
      if (entry.from !== undefined) draft.from = entry.from;
      break;
    case "good":
      draft.ended = "kept";
      takeProof(draft, entry);
      break;
    case "bad":
      draft.reason = entry.reason;
      if (!isKnown) {
        draft.what = entry.why === "rollback" ? "rollback" : "deploy";
        draft.ended = "refused";
      }
      break;
    case "reverted":
      draft.ended = "reverted";
      if (entry.to !== undefined) draft.to = entry.to;
      takeProof(draft, entry);
      break;
    case "stuck":
      draft.ended = "stuck";
      draft.reason ??= entry.reason;
      break;
  }
}

function takeProof(
  draft: Draft,
  { at, proof, evidence, programs, ms, phases }: Entry<"good"> | Entry<"reverted">,
): void {
  if (proof !== undefined) draft.proof = proof;
  if (evidence !== undefined) draft.evidence = evidence;
  if (programs !== undefined) draft.programs = programs;
  // A zdr that knew of no phases.
  if (phases !== undefined || ms === undefined) return;
  addPhases(draft, { ready: ms });
  addSpans(draft, { at, phases: { ready: ms } });
}

function stagedDraft(entry: Entry<"staged">): Draft {
  const { revision, receivedBytes, phases, ms } = entry;
  const draft = { ...draftOf(entry, "stage"), receivedBytes, ...(revision === undefined ? {} : { revision }) };
  addPhases(draft, phases ?? { receive: ms });
  addSpans(draft, { at: entry.at, phases: phases ?? { receive: ms } });
  return draft;
}

function draftOf({ tag, at, by }: LedgerEntry, what: Draft["what"]): Draft {
  const ended = what === "stage" ? "staged" : "under way";
  return {
    tag,
    what,
    ended,
    at,
    ...(by === undefined ? {} : { by }),
    phases: {},
    spans: [],
    evidence: [],
    programs: [],
  };
}

/** What was tried twice, since its first agent died, took as long as both. */
function addPhases(draft: Draft, phases: Phases = {}): void {
  for (const [phase, ms] of Object.entries(phases)) draft.phases[phase] = (draft.phases[phase] ?? 0) + ms;
}

/** An entry is written when the last of its phases has ended, and each of them ended where the next one began. */
function addSpans(draft: Draft, { at, phases = {} }: Pick<LedgerEntry, "at" | "phases">): void {
  const spans = Object.entries(phases).map(([phase, ms]) => ({ phase, at: 0, ms }));
  let end = Date.parse(at);
  if (Number.isNaN(end)) return;
  for (const span of [...spans].reverse()) {
    end -= span.ms;
    span.at = end;
  }
  draft.spans = [...draft.spans, ...spans];
}
