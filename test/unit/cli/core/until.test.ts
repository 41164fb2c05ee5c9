import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUntil } from "../../../../cli/core/until.ts";

/** A Friday noon on this machine's clock. */
const NOW = new Date(2026, 10, 20, 12, 0);
const until = (text: string) => {
  const parsed = parseUntil(text, NOW);
  return "ok" in parsed ? parsed.ok.getTime() : parsed.problem;
};

test("a date and time is one of this machine's clock, with or without seconds", () => {
  assert.equal(until("2026-11-30T08:00"), new Date(2026, 10, 30, 8).getTime());
  assert.equal(until("2026-11-30 08:00:30"), new Date(2026, 10, 30, 8, 0, 30).getTime());
});

test("a date alone is its first moment", () => {
  assert.equal(until("2026-11-30"), new Date(2026, 10, 30).getTime());
});

test("a time alone is the next one of that name", () => {
  assert.equal(until("18:00"), new Date(2026, 10, 20, 18).getTime());
  assert.equal(until("11:59"), new Date(2026, 10, 21, 11, 59).getTime());
  assert.equal(until("12:00"), new Date(2026, 10, 21, 12).getTime());
});

test("an instant with its zone means the same on every machine", () => {
  assert.equal(until("2026-11-30T08:00Z"), Date.UTC(2026, 10, 30, 8));
  assert.equal(until("2026-11-30T08:00:00.250+02:00"), Date.UTC(2026, 10, 30, 6, 0, 0, 250));
});

test("what is no date, or no day or time that there is, is refused", () => {
  for (const text of [
    "",
    "Monday",
    "2026-02-30",
    "2026-13-01",
    "2026-11-30T24:00",
    "25:00",
    "2026-11-30T08:60",
    "3",
    "3 weeks",
    "-3h",
  ]) {
    assert.equal(until(text), "is no date and time", text);
  }
});

test("a length of time is that long from now", () => {
  assert.equal(until("1h"), NOW.getTime() + 3_600_000);
  assert.equal(until("90m"), NOW.getTime() + 5_400_000);
  assert.equal(until("1.5h"), NOW.getTime() + 5_400_000);
  assert.equal(until("3d"), NOW.getTime() + 3 * 86_400_000);
  assert.equal(until("0m"), "is over already");
});

test("what is over already is refused", () => {
  assert.equal(until("2026-11-20T11:00"), "is over already");
  assert.equal(until("2025-01-01"), "is over already");
});
