import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { count, formatBytes, formatMs, formatRate } from "../../../../../cli/core/report/units.ts";

test("bytes have three digits and a decimal unit", () => {
  const shown = [0, 1, 999, 1000, 1234, 12_345, 999_499, 999_500, 34_000_000, 2_000_000_000].map(formatBytes);
  assert.deepEqual(shown, [
    "0 B",
    "1 B",
    "999 B",
    "1.00 kB",
    "1.23 kB",
    "12.3 kB",
    "999 kB",
    "1.00 MB",
    "34.0 MB",
    "2.00 GB",
  ]);
});

test("durations have the unit that a person would take", () => {
  const shown = [0, 0.44, 9.96, 120.4, 999.6, 1500, 30_000, 59_990, 125_000, 3_600_000, 3_780_000].map(formatMs);
  assert.deepEqual(shown, [
    "0 ms",
    "0.4 ms",
    "10 ms",
    "120 ms",
    "1 s",
    "1.5 s",
    "30 s",
    "1 min",
    "2 min 5 s",
    "1 h",
    "1 h 3 min",
  ]);
});

test("no number is shown as 1000 of a unit that has a greater one, and none is without a unit", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (n) => {
      assert.match(formatBytes(n), /^\d{1,3}(\.\d+)? (B|kB|MB|GB|TB|PB)$/);
      assert.match(formatMs(n), /^[\d.]+ (ms|s|min|h)( \d{1,2} (s|min))?$/);
      assert.doesNotMatch(formatMs(n), /^1000 ms|^60 s|^60 min/);
    }),
  );
});

test("a rate needs time to have passed", () => {
  assert.equal(formatRate(11_200_000, 1000), "11.2 MB/s");
  assert.equal(formatRate(1, 0), "");
});

test("one of a thing is not several", () => {
  assert.deepEqual([count(0, "file"), count(1, "file"), count(12000, "file")], ["0 files", "1 file", "12000 files"]);
});
