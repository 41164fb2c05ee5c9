/** A line of time, from its beginning to its end, and where on it something stands. */
import { formatMs } from "../report/units.ts";
import { least, most } from "./numbers.ts";

export interface Axis {
  /** Milliseconds, of whatever clock. */
  readonly from: number;
  readonly to: number;
}

/** From the earliest beginning to the latest end; never without length. */
export function axisOf(spans: readonly { readonly at: number; readonly ms: number }[]): Axis {
  if (spans.length === 0) return { from: 0, to: 1 };
  const from = least(spans.map(({ at }) => at));
  return { from, to: Math.max(from + 1, most(spans.map(({ at, ms }) => at + ms))) };
}

/** In percent of the line, held on it, for an SVG attribute. */
export function placeOf({ from, to }: Axis, at: number): number {
  return round(Math.min(100, Math.max(0, ((at - from) / (to - from)) * 100)));
}

/** How wide in percent; what took any time at all can be seen. */
export function widthOf(axis: Axis, at: number, ms: number): number {
  const width = placeOf(axis, at + ms) - placeOf(axis, at);
  return round(Math.min(100 - placeOf(axis, at), Math.max(width, 0.4)));
}

const round = (value: number) => Math.round(value * 100) / 100;

const STEPS = [1, 2, 5];
const TICKS = 5;

/** Round places along the line, with words counted from `zero`. */
export function ticksOf({ from, to }: Axis, zero = from): { readonly at: number; readonly words: string }[] {
  const smallest = (to - from) / TICKS;
  const power = 10 ** Math.floor(Math.log10(smallest));
  const step = (STEPS.find((factor) => factor * power >= smallest) ?? 10) * power;
  const first = Math.ceil((from - zero) / step);
  // Counted, and not until the end is passed: of times beyond all dates one step more may be no more.
  return Array.from({ length: TICKS + 1 }, (_, index) => (first + index) * step)
    .filter((since) => zero + since <= to)
    .map((since) => ({ at: zero + since, words: sinceWords(since) }));
}

/** `0`, `1.5 s`, `−300 ms`; with a minus that is as wide as a plus. */
export function sinceWords(ms: number): string {
  if (Math.abs(ms) < 0.05) return "0";
  return ms < 0 ? `−${formatMs(-ms)}` : formatMs(ms);
}
