/** `--until 2026-11-30T08:00`, `--until 2h`: when a freeze ends. Pure: the clock and its zone come with `now`. */
import { type Checked, complain } from "./config/rules/checked.ts";

const DATE_AND_TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?$/;
const WITH_ZONE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;
const TIME = /^(\d\d):(\d\d)$/;
const LENGTH = /^(\d{1,6}(?:\.\d{1,3})?) ?(m|min|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const EXAMPLES = 'say it as "2026-11-30T08:00", "2026-11-30", within a day "18:00", or from now on "90m", "2h", "3d"';

/**
 * A date, a date and time, or the next time of day of that name, all on this machine's clock, a full ISO 8601 instant, or how long
 * it takes from now.
 * A date without a time is its first moment. What is over already is refused.
 */
export function parseUntil(text: string, now: Date): Checked<Date> {
  const until = instantOf(text.trim(), now);
  if (until === undefined) return complain("is no date and time", EXAMPLES);
  return until > now ? { ok: until } : complain("is over already", EXAMPLES);
}

function instantOf(text: string, now: Date): Date | undefined {
  if (WITH_ZONE.test(text)) return valid(new Date(text));
  const [, amount, unit = ""] = LENGTH.exec(text) ?? [];
  if (amount !== undefined) return valid(new Date(now.getTime() + Math.round(Number(amount) * (UNIT_MS[unit] ?? 0))));
  const [, hour, minute] = TIME.exec(text) ?? [];
  if (hour !== undefined && minute !== undefined) return nextTime(Number(hour), Number(minute), now);
  const found = DATE_AND_TIME.exec(text);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, ...time] = found.slice(1).map((part) => Number(part ?? 0));
  const [hours = 0, minutes = 0, seconds = 0] = time;
  if (!isTime(hours, minutes) || seconds > 59) return undefined;
  const date = new Date(year, month - 1, day, hours, minutes, seconds);
  // Date makes the 2nd of March of a 30th of February.
  return date.getMonth() === month - 1 && date.getDate() === day ? date : undefined;
}

function nextTime(hour: number, minute: number, now: Date): Date | undefined {
  if (!isTime(hour, minute)) return undefined;
  const at = (day: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + day, hour, minute);
  return at(0) > now ? at(0) : at(1);
}

const isTime = (hour: number, minute: number) => hour < 24 && minute < 60;

function valid(date: Date): Date | undefined {
  return Number.isNaN(date.getTime()) ? undefined : date;
}
