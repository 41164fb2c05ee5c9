/** What the script of the page draws, and the same in rows for whoever sees no drawing. */
import type { ActivationTrace, MeterTimeline } from "../../../agent/wire/trace/trace.ts";
import { sanitize } from "../report/sanitize.ts";
import { type MarkedMoment, momentsOf } from "./moments.ts";
import { most, sum } from "./numbers.ts";

/** One chart, as JSON in the page; times are milliseconds since the flip. */
export interface ChartData {
  readonly title: string;
  /** Where the first bucket begins, and how long each is. */
  readonly fromMs: number;
  readonly widthMs: number;
  readonly sent: readonly number[];
  readonly failed: readonly number[];
  /** 0: nothing was answered. */
  readonly halfMs: readonly number[];
  readonly slowestMs: readonly number[];
  readonly moments: readonly MarkedMoment[];
}

export function chartOf(host: string, trace: ActivationTrace, meter: MeterTimeline): ChartData {
  const { fromMs, widthMs, sent, failed, halfMs, slowestMs } = evened(meter);
  const moments = momentsOf(trace, meter.program).map((moment) => ({ ...moment, words: sanitize(moment.words) }));
  const title = sanitize(`${host}: ${meter.program}`);
  return { title, fromMs, widthMs: Math.max(1, widthMs), sent, failed, halfMs, slowestMs, moments };
}

/** As many buckets as a drawing can tell apart; a trace has fewer. */
const DRAWN = 1000;

/** Columns of one length, whatever a host has sent. */
function evened(meter: MeterTimeline): MeterTimeline {
  const length = Math.min(DRAWN, meter.sent.length);
  const even = (column: readonly number[]) => Array.from({ length }, (_, index) => column[index] ?? 0);
  const { sent, failed, halfMs, slowestMs } = meter;
  return { ...meter, sent: even(sent), failed: even(failed), halfMs: even(halfMs), slowestMs: even(slowestMs) };
}

export interface CourseRow {
  readonly fromMs: number;
  readonly toMs: number;
  readonly sent: number;
  readonly failed: number;
  readonly slowestMs: number;
  /** Letters of the moments in it. */
  readonly moments: string;
}

/** As many as are read. */
const ROWS = 16;

/** The same course in a few rows, each of as many buckets. */
export function courseOf({ fromMs, widthMs, sent, failed, slowestMs, moments }: ChartData): CourseRow[] {
  const together = Math.max(1, Math.ceil(sent.length / ROWS));
  const rows: CourseRow[] = [];
  for (let first = 0; first < sent.length; first += together) {
    const own = (column: readonly number[]) => column.slice(first, first + together);
    const [begin, end] = [fromMs + first * widthMs, fromMs + (first + together) * widthMs];
    const isLast = first + together >= sent.length;
    const inside = moments.filter(({ atMs }) => atMs >= begin && (isLast || atMs < end));
    rows.push({
      ...{ fromMs: begin, toMs: end, sent: sum(own(sent)), failed: sum(own(failed)) },
      slowestMs: most(own(slowestMs)),
      moments: [...new Set(inside.map(({ letter }) => letter))].join(" "),
    });
  }
  return rows;
}

/** How often requests failed by what, the most frequent first. */
export function failuresOf({ errors, failures }: MeterTimeline): { readonly error: string; readonly times: number }[] {
  const times = errors.map(() => 0);
  for (const [, error, n] of failures) {
    if (times[error] !== undefined) times[error] += n;
  }
  const told = errors.map((error, index) => ({ error, times: times[index] ?? 0 }));
  return told.filter((one) => one.times > 0).sort((a, b) => b.times - a.times);
}

/** The whole of a chart in one sentence, for who can not see it. */
export function sentenceOf({ title, sent, failed, slowestMs }: ChartData): string {
  const slowest = most([0, ...slowestMs]);
  return `${title}: ${sum(sent)} requests around the flip, ${sum(failed)} failed, the slowest answer took ${slowest} ms`;
}
