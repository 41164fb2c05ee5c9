import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { closest, didYouMean, distance } from "../../../../cli/core/closest.ts";

const KEYS = ["project", "deploy_to", "build", "hosts", "programs", "shared", "keep", "environment"];

describe("did you mean", () => {
  test("a slip of typing finds the word", () => {
    for (const [typed, meant] of [
      ["projct", "project"],
      ["porject", "project"],
      ["deploy-to", "deploy_to"],
      ["Hosts", "hosts"],
      ["host", "hosts"],
      ["kepe", "keep"],
      ["progams", "programs"],
      ["env", "environment"],
      ["buildpath", "build"],
    ] as const) {
      assert.equal(closest(typed, KEYS), meant);
    }
  });

  test("what is no slip finds nothing", () => {
    for (const typed of ["", "x", "zzz", "rollout", "b", "k".repeat(10_000)])
      assert.equal(closest(typed, KEYS), undefined);
    assert.equal(closest("a", ["b"]), undefined);
    assert.equal(didYouMean("rollout", KEYS), undefined);
  });

  test("the nearest of several wins, the first of equals", () => {
    assert.equal(closest("web11", ["web12", "web1", "web"]), "web12");
    assert.equal(closest("web13", ["web1", "web11"]), "web1");
    assert.equal(didYouMean("shp", ["ship", "shop"]), 'did you mean "ship"?');
  });

  test("inserting, dropping, replacing and swapping are one slip each", () => {
    assert.equal(distance("keep", "keeep"), 1);
    assert.equal(distance("keep", "kep"), 1);
    assert.equal(distance("keep", "kelp"), 1);
    assert.equal(distance("keep", "kepe"), 1);
    assert.equal(distance("", "keep"), 4);
    assert.equal(distance("signal", "strategy"), 7);
  });

  test("distance is the same both ways, and 0 for the same word alone", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        assert.equal(distance(a, b), distance(b, a));
        assert.equal(distance(a, b) === 0, a === b);
        assert.ok(distance(a, b) <= Math.max(a.length, b.length));
      }),
    );
  });
});
