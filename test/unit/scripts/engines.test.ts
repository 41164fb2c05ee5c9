import assert from "node:assert/strict";
import { test } from "node:test";
import { engineSentence, parseEngines } from "../../../scripts/engines.ts";

test("the ranges of engines.node are read as floors, with or without newer majors", () => {
  assert.deepEqual(parseEngines("^22.22.2 || >=26"), [
    { floor: [22, 22, 2], sameMajor: true },
    { floor: [26, 0, 0], sameMajor: false },
  ]);
});

test("a range that the launcher can not read is refused, not taken for any version", () => {
  for (const engines of ["~22.1", "22.x", ">=22 <24", "*", ""]) assert.throws(() => parseEngines(engines), /can not/);
});

test("the ranges are said in words", () => {
  assert.equal(
    engineSentence("^22.22.2 || ^24.15.0 || >=26"),
    "22.22.2 or newer of 22, 24.15 or newer of 24, or 26 or newer",
  );
  assert.equal(engineSentence(">=26"), "26 or newer");
});
