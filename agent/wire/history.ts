/** What happened on a host, activation by activation, as its ledger tells it. */
import * as z from "zod/mini";
import { Actor } from "./plan.ts";
import { Revision } from "./release.ts";
import { ProgramReport } from "./report.ts";
import { nonNegative, strings } from "./scalars.ts";

/**
 * Milliseconds by phase. Of staging: `copy` what the host had, `receive` what it lacked, `durable`. Before the flip:
 * `preflight`, `baseline`. After it: `ready` until all programs had taken the release, `watch` until it was kept. Where that
 * failed: `tried` from the flip to the failure, `revert` from there to the end.
 */
export const Phases = z.record(z.string(), z.number());
export type Phases = z.infer<typeof Phases>;

/** One phase, from its beginning. */
const Span = z.object({ phase: z.string(), at: z.number(), ms: z.number() });

const { name, action, readyMs, gapMs, oldGoneMs, draining, proof, meter } = ProgramReport.shape;
/** Of a program's report what is worth keeping for years. */
export const ProvedProgram = z.object({ name, action, readyMs, gapMs, oldGoneMs, draining, proof, meter });
export type ProvedProgram = z.infer<typeof ProvedProgram>;

export const HistoryEntry = z.object({
  tag: z.string(),
  /** Of what was activated: the name that it has in the ledger. */
  activation: z.optional(z.string()),
  what: z.enum(["deploy", "rollback", "stage"]),
  /**
   * `refused`: its pre-flight failed, and nothing was flipped. `staged`: it was put there, and no more. `interrupted`: its agent
   * died, and the next command will finish or revert it.
   */
  ended: z.enum(["kept", "reverted", "stuck", "refused", "staged", "under way", "interrupted"]),
  /** ISO 8601, of the beginning. */
  at: z.string(),
  by: z.optional(Actor),
  /** Whoever ended it for an agent that had died. */
  recoveredBy: z.optional(Actor),
  /** What was current before; absent: nothing. */
  from: z.optional(z.string()),
  /** Of a revert: what serves again; absent: nothing. */
  to: z.optional(z.string()),
  /** Why it was not kept: a failure's reason. */
  reason: z.optional(z.string()),
  revision: z.optional(Revision),
  receivedBytes: z.optional(nonNegative),
  phases: Phases,
  /** When each of them was: milliseconds since the epoch, by the host's clock. */
  spans: z.array(Span),
  /** What was proved: the release, or, of a revert, what serves again. */
  proof: z.optional(z.string()),
  evidence: z.array(z.string()),
  programs: z.array(ProvedProgram),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;

export const HistoryResult = z.object({
  history: z.array(HistoryEntry),
  /** How many there are beyond those. */
  more: nonNegative,
  warnings: strings,
});
export type HistoryResult = z.infer<typeof HistoryResult>;
