import assert from "node:assert/strict";
import { test } from "node:test";
import { parallelOf } from "../../../../cli/core/parallel.ts";
import type { ZdrError } from "../../../../cli/failure.ts";

test("--parallel takes a number of hosts; without the flag eight are sent to at a time", () => {
  assert.equal(parallelOf("1"), 1);
  assert.equal(parallelOf("50"), 50);
  assert.equal(parallelOf(undefined), 8);
});

test("a --parallel that is no number of hosts is refused", () => {
  for (const text of ["0", "-1", "2.5", "all", "", "1e3"]) {
    assert.throws(
      () => parallelOf(text),
      ({ failure }: ZdrError) => failure.kind === "usage" && failure.problem.includes(`--parallel "${text}"`),
    );
  }
});
