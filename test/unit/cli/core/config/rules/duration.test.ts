import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseDuration } from "../../../../../../cli/core/config/rules/duration.ts";

describe("a length of time", () => {
  test("has a unit, or counts seconds", () => {
    for (const [input, ms] of [
      ["500ms", 500],
      ["30s", 30_000],
      ["1.5m", 90_000],
      ["2 m", 120_000],
      ["24h", 86_400_000],
      [".5s", 500],
      ["0s", 0],
      [30, 30_000],
      [0.25, 250],
      [0, 0],
    ] as const) {
      assert.deepEqual(parseDuration(input), { ok: ms }, String(input));
    }
  });

  test("a unit that is another spelling of one is named", () => {
    const unit = (text: string) => `has the unit "${text}", which is none of ms, s, m and h`;
    for (const [input, problem, suggestion] of [
      ["30", "has no unit", "30s"],
      ["30sec", unit("sec"), "30s"],
      ["30S", unit("S"), "30s"],
      ["5 minutes", unit("minutes"), "5m"],
      ["1hour", unit("hour"), "1h"],
    ] as const) {
      assert.deepEqual(parseDuration(input), { problem, suggestion: `did you mean "${suggestion}"?` });
    }
    assert.deepEqual(parseDuration("3d"), { problem: unit("d") });
    assert.deepEqual(parseDuration("3constructor"), { problem: unit("constructor") });
  });

  test("what no timer should wait for is refused", () => {
    for (const [input, problem] of [
      ["-1s", "is negative"],
      [-1, "is negative"],
      ["25h", "is longer than a day"],
      [1e300, "is longer than a day"],
      [Number.POSITIVE_INFINITY, "is no length of time"],
      [Number.NaN, "is no length of time"],
      ["0.1ms", "is less than a millisecond"],
    ] as const) {
      assert.deepEqual(parseDuration(input), { problem }, String(input));
    }
    for (const input of ["", "soon", "1m30s", "s", "1e3s", "1,5s", "0x10s"]) {
      assert.deepEqual(parseDuration(input), { problem: 'is no length of time such as "30s", "500ms" or "2m"' }, input);
    }
  });
});
