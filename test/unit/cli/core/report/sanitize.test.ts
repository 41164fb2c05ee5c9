import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sanitize, sanitizeLines } from "../../../../../cli/core/report/sanitize.ts";

const CONTROL = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069\u2028\u2029\u200b-\u200f]/u;

test("escape sequences are shown, not obeyed", () => {
  assert.equal(sanitize("\x1b[2J\x1b]0;title\x07"), "\\x1b[2J\\x1b]0;title\\x07");
  assert.equal(sanitize("\x9b31mred"), "\\x9b31mred");
});

test("a line break or a backspace cannot forge another line", () => {
  assert.equal(sanitize("ok\r\nzdr: done\b"), "ok\\r\\nzdr: done\\x08");
});

test("text cannot be turned around", () => {
  assert.equal(sanitize("evil\u202etxt.exe"), "evil\\u202etxt.exe");
});

test("letters of all scripts, spaces and backslashes stay as they are", () => {
  const text = 'naïve 日本語 العربية 🚀 C:\\x "quoted"';
  assert.equal(sanitize(text), text);
});

test("text of several lines keeps its newlines and tabs and nothing else", () => {
  assert.equal(sanitizeLines("[program:x]\n\tcommand=a\x1b[0m\r\n"), "[program:x]\n\tcommand=a\\x1b[0m\\r\n");
});

test("no text of any host leaves a control character, and a second pass changes nothing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = sanitize(text);
      assert.doesNotMatch(shown, CONTROL);
      assert.equal(sanitize(shown), shown);
    }),
  );
  assert.doesNotMatch(sanitize("half a pair \ud83d and \ude80"), CONTROL);
});
