import assert from "node:assert/strict";
import { test } from "node:test";
import { orphanFindings } from "../../../../../agent/core/lint/orphans.ts";

test("what a killed supervisord left is named by pid and release; it is refused where it accepts, else warned of", () => {
  assert.deepEqual(orphanFindings([]), []);
  const [serving] = orphanFindings([
    { pid: 7, release: "v1", accepts: false },
    { pid: 8, release: "v1", accepts: true },
  ]);
  assert.equal(serving?.level, "refuse");
  assert.match(serving?.text ?? "", /pid 7 runs v1, pid 8 runs v1 and accepts connections/);
  assert.match(serving?.fix ?? "", /kill 7 8$/);
  assert.equal(orphanFindings([{ pid: 7, release: undefined, accepts: false }])[0]?.level, "warn");
});
