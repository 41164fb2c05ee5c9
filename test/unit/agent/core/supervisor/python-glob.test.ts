import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesPart } from "../../../../../agent/core/supervisor/python-glob.ts";

// What it matches otherwise is compared with Python's own: test/e2e/supervisor/supervisor-config-python.test.ts.
test("a pattern of many stars in [include] does not hold a command up", () => {
  const name = "a".repeat(255);
  assert.equal(matchesPart(name, `${"*a".repeat(40)}*b`), false);
  assert.equal(matchesPart(name, `${"*[a-c]".repeat(40)}*`), true);
});
