/**
 * What was seen of one activation while it went on: what the meter met, bucket by bucket of time, and what was done when.
 *
 * Times are whole milliseconds since the flip, on the host's own monotonic clock; before the flip they are negative.
 */
import * as z from "zod/mini";
import { ActivationReport } from "../report.ts";
import { nonNegative, strings } from "../scalars.ts";

const numbers = z.array(z.number());
const counts = z.array(nonNegative);

/** One program's meter: a column for each thing that is told of its buckets, all of the same length. A request stands where it was sent. */
export const MeterTimeline = z.object({
  program: z.string(),
  /** Where the first bucket begins, and how long each of them is. */
  fromMs: z.number(),
  widthMs: z.number(),
  /** When the baseline ended: what was answered later counts as "during". */
  markedMs: z.optional(z.number()),
  sent: counts,
  failed: counts,
  /** Of `sent`: over a connection of its own; the others over a kept-alive one. */
  fresh: counts,
  reconnects: counts,
  /** Of the answers, 0 where none came: half of them were at least as quick, 95 % were, all were. */
  halfMs: numbers,
  mostMs: numbers,
  slowestMs: numbers,
  /** Why requests failed, in a few words; `failures` has [bucket, index into these, how many]. */
  errors: strings,
  failures: z.array(z.tuple([nonNegative, nonNegative, nonNegative])),
});
export type MeterTimeline = z.infer<typeof MeterTimeline>;

export const Moment = z.object({
  atMs: z.number(),
  /** `flip`, `signal USR2`, `start`, `stop`, `ready`, `drained`, `failed`, `kept`, `reverted`, `stuck`, `hook …`, … */
  what: z.string(),
  /** Absent: of the host. */
  program: z.optional(z.string()),
  pid: z.optional(z.number()),
  detail: z.optional(z.string()),
});
export type Moment = z.infer<typeof Moment>;

export const ActivationTrace = z.object({
  activation: z.string(),
  /** Of the flip, by the host's wall clock: ISO 8601. */
  flippedAt: z.string(),
  report: ActivationReport,
  moments: z.array(Moment),
  meters: z.array(MeterTimeline),
});
export type ActivationTrace = z.infer<typeof ActivationTrace>;

/** Of activations of which nothing was recorded there is none. */
export const TracesResult = z.object({ traces: z.array(ActivationTrace) });
export type TracesResult = z.infer<typeof TracesResult>;
