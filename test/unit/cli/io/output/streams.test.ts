import assert from "node:assert/strict";
import { test } from "node:test";
import { failureText } from "../../../../../cli/io/output/streams.ts";

test("the tabs of what a program has logged get to the terminal as tabs", () => {
  const log = ["web1: shop: main.init.0()", "web1: shop: \tmain.go:8 +0x3e", "web1: shop: \x1b[2J"];
  assert.equal(
    failureText({ error: ["web1: a\tb"], log, hints: [], exit: 7 }, false),
    "zdr: error: web1: a\\tb\nzdr: log:   web1: shop: main.init.0()\nzdr: log:   web1: shop: \tmain.go:8 +0x3e\nzdr: log:   web1: shop: \\x1b[2J\n",
  );
});
