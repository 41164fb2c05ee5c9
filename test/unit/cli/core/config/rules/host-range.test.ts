import assert from "node:assert/strict";
import { test } from "node:test";
import { expandRanges } from "../../../../../../cli/core/config/rules/host-range.ts";

const words = (text: string) => {
  const expanded = expandRanges(text);
  return "ok" in expanded ? expanded.ok : expanded.problem;
};

test("numbers keep their leading zeros, letters their case, steps their width", () => {
  assert.deepEqual(
    words("web[08:11].example.com"),
    ["08", "09", "10", "11"].map((at) => `web${at}.example.com`),
  );
  assert.deepEqual(words("[a:c]"), ["a", "b", "c"]);
  assert.deepEqual(words("db[0:10:5]"), ["db0", "db5", "db10"]);
});

test("several ranges go through all that they make together", () => {
  assert.deepEqual(words("r[1:2]n[a:b]"), ["r1na", "r1nb", "r2na", "r2nb"]);
});

test("an IPv6 address in brackets is no range", () => {
  assert.deepEqual(words("[fd00::1]:22"), ["[fd00::1]:22"]);
  assert.deepEqual(words("deploy@[::1]"), ["deploy@[::1]"]);
});

test("a range that runs backwards, mixes kinds or is endless is refused", () => {
  for (const text of ["web[9:1]", "web[1:c]", "web[a:C]", "web[1:9:0]"]) assert.match(String(words(text)), /nowhere/);
  assert.match(String(words("web[1:99999999999]")), /more than 1000/);
  assert.match(String(words("r[1:100]n[1:100]")), /more than 1000/);
});
