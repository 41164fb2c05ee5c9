import { type Checked, complain } from "./checked.ts";

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
/** What else people write for the units above. */
const UNIT_WORDS: Readonly<Record<string, keyof typeof UNIT_MS>> = {
  "": "s",
  msec: "ms",
  millis: "ms",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  min: "m",
  mins: "m",
  minute: "m",
  minutes: "m",
  hr: "h",
  hour: "h",
  hours: "h",
};
/** Longer waits are slips of the unit; it also stays far below what a timer can hold. */
export const LONGEST_DURATION_MS = 24 * UNIT_MS.h;

/** `500ms`, `30s`, `1.5m`, `1h`, or a number of seconds, in whole milliseconds. */
export function parseDuration(input: string | number): Checked<number> {
  if (typeof input === "number") return inMs(input, UNIT_MS.s);
  const [, amount, unit] = /^\s*([-+]?\d*\.?\d+)\s*([A-Za-z]*)\s*$/.exec(input) ?? [];
  if (amount === undefined || unit === undefined)
    return complain('is no length of time such as "30s", "500ms" or "2m"');
  if (Object.hasOwn(UNIT_MS, unit)) return inMs(Number(amount), UNIT_MS[unit as keyof typeof UNIT_MS]);
  const lower = unit.toLowerCase();
  const meant = Object.hasOwn(UNIT_MS, lower)
    ? lower
    : Object.hasOwn(UNIT_WORDS, lower)
      ? UNIT_WORDS[lower]
      : undefined;
  const problem = unit === "" ? "has no unit" : `has the unit "${unit}", which is none of ms, s, m and h`;
  return complain(problem, meant === undefined ? undefined : `did you mean "${amount}${meant}"?`);
}

function inMs(amount: number, unitMs: number): Checked<number> {
  const ms = Math.round(amount * unitMs);
  if (!Number.isFinite(amount)) return complain("is no length of time");
  if (amount < 0) return complain("is negative");
  if (amount > 0 && ms === 0) return complain("is less than a millisecond");
  if (ms > LONGEST_DURATION_MS) return complain("is longer than a day");
  return { ok: ms };
}
