import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nestsDeeper } from "../../../../cli/core/json-depth.ts";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Object.values(value).reduce((deepest: number, item) => Math.max(deepest, depthOf(item)), 0);
}

test("JSON nests as deep as its lists and objects stand in each other, whatever stands in its texts", () => {
  const texts = fc.oneof(fc.string(), fc.constantFrom("[", "]]", '"[', "\\", '\\"', '{"a":[', "\\\\\\"));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 6 }, texts, fc.integer(), tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 3 }),
    object: fc.dictionary(texts, tie("value"), { maxKeys: 3 }),
  }));
  fc.assert(
    fc.property(value, fc.nat(8), (json, limit) => {
      assert.equal(nestsDeeper(JSON.stringify(json), limit), depthOf(json) > limit);
    }),
  );
});

test("of what is no JSON something is said in any case", () => {
  for (const text of ['"', '"\\', '["\\"', "[".repeat(99), "]".repeat(99), '{"'.repeat(99)]) {
    assert.equal(typeof nestsDeeper(text, 8), "boolean");
  }
});
