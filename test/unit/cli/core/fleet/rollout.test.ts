/** In which steps a fleet takes a release. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkBatch } from "../../../../../cli/core/config/rules/batch.ts";
import { type BatchSize, batchesOf } from "../../../../../cli/core/fleet/rollout.ts";

const hosts = (count: number) => Array.from({ length: count }, (_, at) => `web${at}`);
const sizes = (...written: (string | number)[]) =>
  written.map((one) => {
    const checked = checkBatch(one);
    return "ok" in checked ? checked.ok : assert.fail(checked.problem);
  });
const steps = (count: number, ...batch: (string | number)[]) =>
  batchesOf(hosts(count), sizes(...batch)).map((step) => step.length);

describe("batches", () => {
  test("are so many hosts, or a share of all, and the last size is repeated", () => {
    assert.deepEqual(steps(20, 1, "25%", "100%"), [1, 5, 14]);
    assert.deepEqual(steps(7, 1), [1, 1, 1, 1, 1, 1, 1]);
    assert.deepEqual(steps(10, 1, "30%"), [1, 3, 3, 3]);
    assert.deepEqual(steps(3, "100%"), [3]);
  });

  test("have at least one host, however small the share", () => {
    assert.deepEqual(steps(3, "1%"), [1, 1, 1]);
  });

  const anySize = fc.oneof<fc.Arbitrary<BatchSize>[]>(
    fc.record({ hosts: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
  );
  test("together are all hosts, each once and in order, whatever the sizes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100 }),
        fc.array(anySize, { minLength: 1, maxLength: 4 }),
        (count, batch) => {
          const found = batchesOf(hosts(count), batch);
          assert.deepEqual(found.flat(), hosts(count));
          assert.ok(found.every((step) => step.length > 0));
        },
      ),
    );
  });

  test("of nothing, of more than all, and of words are refused", () => {
    for (const wrong of ["0", 0, "0%", "101%", "all", "-1", "1.5", ""])
      assert.ok("problem" in checkBatch(wrong), String(wrong));
  });
});
