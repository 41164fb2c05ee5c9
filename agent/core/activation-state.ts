/**
 * An activation's states, as data. The effects stand in agent/activation/.
 *
 *            flip            start | reload             proof + health
 *  STAGED ──────────► FLIPPED ──────────────► SETTLING ─────────────────► KEPT
 *                        │ failed                │ failed
 *                        ▼                       ▼
 *                     REVERTING ◄────────────────┘
 *                        ├──► REVERTED   as before, verified
 *                        └──► STUCK      neither could be proved; nothing more is tried
 *
 * - Before the flip a failure changes nothing: STAGED stays STAGED.
 * - From FLIPPED on every path ends in KEPT, REVERTED or STUCK, and none of them is left again.
 * - REVERTING is entered once: a revert that fails is not reverted.
 */
export type ActivationState = "STAGED" | "FLIPPED" | "SETTLING" | "KEPT" | "REVERTING" | "REVERTED" | "STUCK";
export type ActivationStep = "flipped" | "taken" | "proved" | "failed";

const TRANSITIONS: Record<ActivationState, Partial<Record<ActivationStep, ActivationState>>> = {
  STAGED: { flipped: "FLIPPED", failed: "STAGED" },
  FLIPPED: { taken: "SETTLING", failed: "REVERTING" },
  SETTLING: { proved: "KEPT", failed: "REVERTING" },
  REVERTING: { proved: "REVERTED", failed: "STUCK" },
  KEPT: {},
  REVERTED: {},
  STUCK: {},
};

/** The state after a step. A step that the drawing does not know is a bug. */
export function advance(state: ActivationState, step: ActivationStep): ActivationState {
  const next = TRANSITIONS[state][step];
  if (next === undefined) throw new Error(`activation: no way from ${state} by ${step}`);
  return next;
}

export function isFinal(state: ActivationState): boolean {
  return Object.keys(TRANSITIONS[state]).length === 0;
}
