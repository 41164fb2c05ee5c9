/** What an activation did. */
import * as z from "zod/mini";
import { AgentFailure } from "./failure.ts";
import { nonNegative, strings } from "./scalars.ts";

export const MeterCount = z.object({
  sent: nonNegative,
  /** Refused, reset, cut, timed out or 5xx. */
  failed: nonNegative,
  /** Kept-alive connections that the server closed between two answers; not failures. */
  reconnects: nonNegative,
  slowestMs: z.number(),
});
export type MeterCount = z.infer<typeof MeterCount>;

const MemberProcess = z.object({ process: z.string(), pid: z.number() });

export const ProgramReport = z.object({
  name: z.string(),
  process: z.string(),
  /** Of a revert: what brought the old release back. */
  action: z.enum(["none", "start", "reload", "restart"]),
  /** Of a revert: what had been done with the release that failed; absent: nothing, or that is not known. */
  tried: z.optional(z.enum(["start", "reload", "restart"])),
  before: z.object({ release: z.optional(z.string()), pid: z.number(), state: z.string() }),
  after: z.object({ release: z.optional(z.string()), pid: z.number(), state: z.string() }),
  /** Processes that accept connections, before and after; absent: that could not be seen. */
  serving: z.optional(z.object({ before: z.array(z.number()), after: z.array(z.number()) })),
  /** Of a program with members: those that ran. `before` and `after` then tell of one of them. */
  members: z.optional(z.object({ before: z.array(MemberProcess), after: z.array(MemberProcess) })),
  /** From the signal or start until the new release was ready. */
  readyMs: z.optional(z.number()),
  /**
   * Of a stop and start: from the stop until the new release was ready. Of a revert: how long neither release served, from
   * the first stop until the old one was ready again.
   */
  gapMs: z.optional(z.number()),
  /** From the signal until the last old process was gone; absent: it still drains. */
  oldGoneMs: z.optional(z.number()),
  /** How many processes of the old generation were still there when the report was made. */
  draining: nonNegative,
  /** Connections that those hold open; absent: none drains, or it can not be told. */
  connections: z.optional(nonNegative),
  /** How many processes of the old generation were ended past their drain limit, as configured. */
  ended: z.optional(nonNegative),
  /** What the verdict rests on. */
  proof: z.enum(["processes", "health only", "state only", "none"]),
  evidence: strings,
  meter: z.optional(
    z.object({
      baseline: MeterCount,
      during: MeterCount,
      /** Of `during`: what was on its way when the reload began. */
      inFlight: z.optional(z.object({ sent: nonNegative, failed: nonNegative })),
      /** Why requests failed since the flip, the most frequent first. */
      reasons: z.optional(z.array(z.object({ error: z.string(), count: nonNegative }))),
    }),
  ),
});
export type ProgramReport = z.infer<typeof ProgramReport>;

export const ActivationReport = z.object({
  /**
   * `kept`: the new release serves and was proved. `unchanged`: it did so before. `reverted`: as before, verified.
   * `stuck`: neither could be proved.
   */
  outcome: z.enum(["kept", "unchanged", "reverted", "stuck"]),
  tag: z.string(),
  previous: z.optional(z.string()),
  programs: z.array(ProgramReport),
  failure: z.optional(AgentFailure),
  /** Of a revert that failed too. */
  revertFailure: z.optional(AgentFailure),
  /** What `current` names and each program runs now, in words for the state line of a host. */
  serves: z.optional(z.string()),
  /** What the failed program logged since the flip, shortened in the middle. */
  log: z.array(z.object({ program: z.string(), line: z.string() })),
  flipToDoneMs: z.number(),
  warnings: strings,
});
export type ActivationReport = z.infer<typeof ActivationReport>;
