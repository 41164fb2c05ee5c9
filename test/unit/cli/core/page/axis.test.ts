import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { axisOf, placeOf, sinceWords, ticksOf, widthOf } from "../../../../../cli/core/page/axis.ts";

test("an axis reaches from the first beginning to the last end", () => {
  const axis = axisOf([
    { at: 1000, ms: 500 },
    { at: 900, ms: 100 },
  ]);
  assert.deepEqual(axis, { from: 900, to: 1500 });
  assert.deepEqual([placeOf(axis, 900), placeOf(axis, 1200), placeOf(axis, 1500)], [0, 50, 100]);
});

test("an axis of nothing, or of no length, divides by nothing", () => {
  for (const axis of [axisOf([]), axisOf([{ at: 5, ms: 0 }])]) assert.ok(Number.isFinite(placeOf(axis, 5)));
});

test("no bar leaves its line, and each can be seen", () => {
  const numbers = fc.integer({ min: -1_000_000, max: 2_000_000_000_000 });
  fc.assert(
    fc.property(numbers, fc.nat(10_000_000), numbers, fc.nat(10_000_000), (at, ms, other, otherMs) => {
      const axis = axisOf([
        { at, ms },
        { at: other, ms: otherMs },
      ]);
      const [place, width] = [placeOf(axis, at), widthOf(axis, at, ms)];
      assert.ok(place >= 0 && place + width <= 100.01, `${place} + ${width}`);
      assert.ok(width > 0 || place === 100);
    }),
  );
});

test("ticks are round, count from where they are told to, and lie on the line", () => {
  const words = ticksOf({ from: 700, to: 5000 }, 1000).map((tick) => tick.words);
  assert.deepEqual(words, ["0", "1 s", "2 s", "3 s", "4 s"]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2_000_000_000_000 }), fc.integer({ min: 1, max: 10_000_000 }), (from, ms) => {
      const ticks = ticksOf({ from, to: from + ms });
      assert.ok(ticks.length >= 1 && ticks.length <= 7, `${ticks.length} ticks`);
      assert.ok(ticks.every(({ at }) => at >= from && at <= from + ms));
    }),
  );
});

test("times before the flip have a minus", () => {
  assert.deepEqual([sinceWords(-300), sinceWords(0), sinceWords(1500)], ["−300 ms", "0", "1.5 s"]);
});

test("times beyond all dates make some ticks and no more", () => {
  for (const to of [1e16, 1e300, Number.MAX_VALUE]) assert.ok(ticksOf({ from: 0, to }, -1e15).length <= 7);
  assert.ok(ticksOf({ from: 1e16, to: 1e16 + 2 }, 0).length <= 7);
});

test("an axis of more spans than a call has arguments is one", () => {
  const spans = Array.from({ length: 300_000 }, (_, at) => ({ at, ms: 1 }));
  assert.deepEqual(axisOf(spans), { from: 0, to: 300_000 });
});
