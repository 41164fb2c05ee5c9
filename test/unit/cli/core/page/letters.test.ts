import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { letterPlaces } from "../../../../../cli/core/page/letters.ts";

const SIZES = { size: 16, gap: 2, rows: 4 };

test("no letter stands over another one, however many moments fall together", () => {
  const lines = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 }).map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(lines, (all) => {
      const places = letterPlaces(all, SIZES);
      for (const [at, one] of places.entries()) {
        assert.ok(one.row >= 0 && one.row < SIZES.rows && one.x >= (all[at] ?? 0));
        for (const other of places.slice(0, at)) {
          assert.ok(one.row !== other.row || Math.abs(one.x - other.x) >= SIZES.size, JSON.stringify(places));
        }
      }
    }),
  );
});

test("a letter stands over its line where there is room", () => {
  assert.deepEqual(letterPlaces([10, 100, 101], SIZES), [
    { x: 10, row: 0 },
    { x: 100, row: 0 },
    { x: 101, row: 1 },
  ]);
});
