import assert from "node:assert/strict";
import { test } from "node:test";
import { combinedExit, LineCutter, LONGEST_LINE_CHARACTERS } from "../../../../../cli/core/exec/lines.ts";

const ended = (code: number) => ({ code, signal: null });
const numberOf = (signal: string) => (signal === "SIGKILL" ? 9 : 0);

test("lines come whole, and what has no end is a line when the stream ends", () => {
  const cutter = new LineCutter();
  assert.deepEqual(cutter.take("one\ntw"), ["one"]);
  assert.deepEqual(cutter.take("o\n\nthree"), ["two", ""]);
  assert.deepEqual(cutter.end(), ["three"]);
  assert.deepEqual(cutter.end(), []);
});

test("a line that never ends comes in pieces, of which none is kept back, and no character is cut in half", () => {
  const cutter = new LineCutter();
  const text = `${"x".repeat(LONGEST_LINE_CHARACTERS - 1)}\u{1f600}`;
  assert.deepEqual(cutter.take(text), ["x".repeat(LONGEST_LINE_CHARACTERS - 1)]);
  const pieces = cutter.take("y".repeat(3 * LONGEST_LINE_CHARACTERS));
  assert.equal(pieces.length, 3);
  assert.ok(pieces.every(({ length }) => length <= LONGEST_LINE_CHARACTERS));
  assert.equal([...pieces, ...cutter.end()].join(""), `\u{1f600}${"y".repeat(3 * LONGEST_LINE_CHARACTERS)}`);
});

test("the exit code is the one on which all hosts agree that did not end with 0, and 1 where they do not", () => {
  assert.equal(combinedExit([ended(0), ended(0)], numberOf), 0);
  assert.equal(combinedExit([ended(0), ended(3), ended(3)], numberOf), 3);
  assert.equal(combinedExit([ended(2), ended(3)], numberOf), 1);
  assert.equal(combinedExit([{ code: null, signal: "SIGKILL" }], numberOf), 137);
  assert.equal(combinedExit([{ code: null, signal: null, problem: "ENOENT" }], numberOf), 127);
});
