import assert from "node:assert/strict";
import { test } from "node:test";
import { failureLines } from "../../../../../cli/core/report/failure-report.ts";

test("what a program has logged keeps its tabs, and nothing else that a terminal would obey", () => {
  const log = ["web1: shop: \tmain.go:8 +0x3e", "web1: shop: \x1b[2J\rgone\x08"];
  assert.deepEqual(failureLines({ error: ["a\tb"], log, hints: [], exit: 7 }), [
    "zdr: error: a\\tb",
    "zdr: log:   web1: shop: \tmain.go:8 +0x3e",
    "zdr: log:   web1: shop: \\x1b[2J\\rgone\\x08",
  ]);
});
