import assert from "node:assert/strict";
import { test } from "node:test";
import { rootFindings } from "../../../../../agent/core/lint/root.ts";

test("a program that root runs out of somebody else's files is warned of, and no other", () => {
  assert.deepEqual(
    rootFindings(0, 1000).map(({ level, rule }) => `${level} ${rule}`),
    ["warn root-runs-deployed"],
  );
  assert.match(rootFindings(0, 1000)[0]?.text ?? "", /out of files that are uid 1000's/);
  assert.deepEqual(rootFindings(0, 0), []);
  assert.deepEqual(rootFindings(33, 1000), []);
  assert.deepEqual(rootFindings(undefined, 1000), []);
});
