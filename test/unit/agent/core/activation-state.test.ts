import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type ActivationState,
  type ActivationStep,
  advance,
  isFinal,
} from "../../../../agent/core/activation-state.ts";

const walk = (...steps: ActivationStep[]) => steps.reduce<ActivationState>(advance, "STAGED");

test("flip, take, prove: kept", () => {
  assert.equal(walk("flipped", "taken", "proved"), "KEPT");
});

test("before the flip a failure changes nothing", () => {
  assert.equal(walk("failed"), "STAGED");
});

test("a failure after the flip reverts, and a proved revert ends as before", () => {
  assert.equal(walk("flipped", "failed", "proved"), "REVERTED");
  assert.equal(walk("flipped", "taken", "failed", "proved"), "REVERTED");
});

test("a revert that fails is stuck, and nothing more is tried", () => {
  assert.equal(walk("flipped", "failed", "failed"), "STUCK");
  for (const step of ["flipped", "taken", "proved", "failed"] as const) assert.throws(() => advance("STUCK", step));
});

test("from the flip on every walk ends in kept, reverted or stuck after three steps at the most", () => {
  const steps = fc.array(fc.constantFrom<ActivationStep>("taken", "proved", "failed"), {
    minLength: 20,
    maxLength: 20,
  });
  fc.assert(
    fc.property(steps, (wanted) => {
      let state: ActivationState = advance("STAGED", "flipped");
      let taken = 0;
      for (const step of wanted) {
        if (isFinal(state)) break;
        try {
          state = advance(state, step);
          taken += 1;
        } catch {
          // a step that the drawing does not know
        }
      }
      assert.ok(taken <= 3);
      if (wanted.includes("failed") && wanted.includes("proved") && isFinal(state)) {
        assert.ok(["KEPT", "REVERTED", "STUCK"].includes(state));
      }
    }),
  );
});
