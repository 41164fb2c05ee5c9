import assert from "node:assert/strict";
import { test } from "node:test";
import { activationEnd } from "../../../../../agent/core/ledger/end.ts";
import type { LedgerEntry } from "../../../../../agent/core/ledger.ts";

const shared = { at: "2026-11-20T10:00:00Z", tag: "v2" };
const begun: LedgerEntry = { event: "activating", ...shared, activation: "a", from: "v1", why: "deploy" };
const proved = { proof: "processes", evidence: [], ms: 1 };

test("an activation ended as the ledger says last of it: kept, reverted or stuck", () => {
  const good: LedgerEntry = { event: "good", ...shared, activation: "a", ...proved };
  const bad: LedgerEntry = { event: "bad", ...shared, activation: "a", reason: "unhealthy" };
  const reverted: LedgerEntry = { event: "reverted", ...shared, activation: "a", to: "v1" };
  const stuck: LedgerEntry = { event: "stuck", ...shared, activation: "a", reason: "unhealthy" };
  const end = { tag: "v2", from: "v1" };
  assert.deepEqual(activationEnd([begun, good], "a"), { outcome: "kept", ...end });
  assert.deepEqual(activationEnd([begun, bad, reverted], "a"), { outcome: "reverted", ...end });
  assert.deepEqual(activationEnd([begun, bad, stuck], "a"), { outcome: "stuck", ...end });
});

test("one that has no end yet, was begun anew, or is not in the ledger at all has none", () => {
  const good: LedgerEntry = { event: "good", ...shared, activation: "other", ...proved };
  const reverted: LedgerEntry = { event: "reverted", ...shared, activation: "a" };
  assert.equal(activationEnd([begun, good], "a"), undefined);
  assert.equal(activationEnd([begun, reverted, { ...begun, why: "recovery" }], "a"), undefined);
  assert.equal(activationEnd([good], "a"), undefined);
});
