import assert from "node:assert/strict";
import { test } from "node:test";
import { historyOf } from "../../../../../agent/core/ledger/history.ts";
import type { LedgerEntry } from "../../../../../agent/core/ledger.ts";

const ann = { user: "ann", host: "laptop" };
const bob = { user: "bob", host: "ci", run: "https://ci/1" };
const at = (minute: number) => `2026-11-20T10:0${minute}:00.000Z`;
const revision = { commit: "0123456789ab", dirty: true };

const staged = (tag: string): LedgerEntry => ({
  ...{ event: "staged", at: at(0), tag, by: ann, digest: "d", revision, receivedBytes: 7, ms: 60 },
  phases: { copy: 10, receive: 40, durable: 10 },
});
const activating = (tag: string, activation: string, from?: string): LedgerEntry => ({
  ...{
    event: "activating",
    at: at(1),
    tag,
    by: ann,
    activation,
    why: "deploy",
    phases: { preflight: 80, baseline: 900 },
  },
  ...(from === undefined ? {} : { from }),
});
const good = (tag: string, activation: string): LedgerEntry => ({
  ...{
    event: "good",
    at: at(2),
    tag,
    by: ann,
    activation,
    proof: "processes",
    evidence: ["pid 7 executes it"],
    ms: 10_100,
  },
  phases: { ready: 100, watch: 10_000 },
});
const bad = (tag: string, activation: string): LedgerEntry => ({
  ...{ event: "bad", at: at(2), tag, by: ann, activation, reason: "unhealthy", phases: { tried: 3000 } },
});
const reverted = (tag: string, activation: string, to: string): LedgerEntry => ({
  ...{ event: "reverted", at: at(3), tag, by: ann, activation, to, phases: { revert: 500 }, proof: "processes" },
});

test("a deploy is one entry from its staging to its proof, with when each phase was and how long it took", () => {
  const [entry, ...more] = historyOf([staged("v1"), activating("v1", "a", "v0"), good("v1", "a")], false);
  assert.deepEqual(more, []);
  const spans = [
    { phase: "copy", at: Date.parse(at(0)) - 60, ms: 10 },
    { phase: "receive", at: Date.parse(at(0)) - 50, ms: 40 },
    { phase: "durable", at: Date.parse(at(0)) - 10, ms: 10 },
    { phase: "preflight", at: Date.parse(at(1)) - 980, ms: 80 },
    { phase: "baseline", at: Date.parse(at(1)) - 900, ms: 900 },
    { phase: "ready", at: Date.parse(at(2)) - 10_100, ms: 100 },
    { phase: "watch", at: Date.parse(at(2)) - 10_000, ms: 10_000 },
  ];
  assert.deepEqual(entry, {
    ...{ tag: "v1", what: "deploy", ended: "kept", at: at(0), by: ann, from: "v0", revision, receivedBytes: 7 },
    activation: "a",
    phases: { copy: 10, receive: 40, durable: 10, preflight: 80, baseline: 900, ready: 100, watch: 10_000 },
    spans,
    ...{ proof: "processes", evidence: ["pid 7 executes it"], programs: [] },
  });
});

test("a revert says why, what serves again and how that was proved", () => {
  const [entry] = historyOf([activating("v2", "b", "v1"), bad("v2", "b"), reverted("v2", "b", "v1")], false);
  const { ended, to, reason, proof } = entry ?? {};
  assert.deepEqual([ended, to, reason, proof], ["reverted", "v1", "unhealthy", "processes"]);
});

test("stuck says what the release failed by, not only that there was no way back", () => {
  const stuck: LedgerEntry = { event: "stuck", at: at(3), tag: "v2", activation: "b", reason: "not-ready" };
  const [entry] = historyOf([activating("v2", "b", "v1"), bad("v2", "b"), stuck], false);
  assert.deepEqual([entry?.ended, entry?.reason], ["stuck", "unhealthy"]);
});

test("a rollback is told as one, and what was withdrawn or removed is no entry of its own", () => {
  const back: LedgerEntry = {
    event: "activating",
    at: at(4),
    tag: "v1",
    by: bob,
    activation: "c",
    from: "v2",
    why: "rollback",
  };
  const withdrawn: LedgerEntry = { event: "withdrawn", at: at(5), tag: "v2", to: "v1" };
  const history = historyOf([back, good("v1", "c"), withdrawn, { event: "removed", at: at(6), tag: "v0" }], false);
  assert.deepEqual(
    history.map(({ tag, what, from, ended, by }) => [tag, what, from, ended, by]),
    [["v1", "rollback", "v2", "kept", bob]],
  );
});

test("a release whose pre-flight failed was refused, and one that was only staged was staged", () => {
  const refused: LedgerEntry = {
    event: "bad",
    at: at(1),
    tag: "v2",
    by: ann,
    activation: "preflight",
    reason: "preflight",
  };
  const again: LedgerEntry = { ...refused, why: "rollback" };
  const history = historyOf([staged("v2"), refused, staged("v3"), again], false);
  assert.deepEqual(
    history.map(({ tag, what, ended, reason }) => [tag, what, ended, reason]),
    [
      ["v2", "deploy", "refused", "preflight"],
      ["v3", "stage", "staged", undefined],
      ["v2", "rollback", "refused", "preflight"],
    ],
  );
});

test("of a release that was refused it is told what served, by what the ledger said last", () => {
  const refused = (minute: number, tag: string): LedgerEntry => ({
    ...{ event: "bad", at: at(minute), tag, by: ann, activation: "preflight", reason: "preflight" },
  });
  const entries = [
    refused(0, "v0"),
    activating("v1", "a"),
    good("v1", "a"),
    activating("v2", "b"),
    reverted("v2", "b", "v1"),
    refused(5, "v3"),
  ];
  const history = historyOf(entries, false).filter(({ ended }) => ended === "refused");
  assert.deepEqual(
    history.map(({ tag, from }) => [tag, from]),
    [
      ["v0", undefined],
      ["v3", "v1"],
    ],
  );
});

test("what has no end is under way while somebody is at work, and interrupted when nobody is", () => {
  const entries = [staged("v1"), activating("v1", "a")];
  assert.equal(historyOf(entries, true)[0]?.ended, "under way");
  assert.equal(historyOf(entries, false)[0]?.ended, "interrupted");
});

test("what a dead agent had begun stays its beginner's, and says who ended it; both took their time", () => {
  const resumed: LedgerEntry = {
    ...activating("v1", "a", "v0"),
    by: bob,
    why: "recovery",
    recovered: true,
  } as LedgerEntry;
  const ended: LedgerEntry = { ...good("v1", "a"), by: bob, recovered: true } as LedgerEntry;
  const [entry, ...more] = historyOf([staged("v1"), activating("v1", "a", "v0"), resumed, ended], false);
  assert.deepEqual(more, []);
  assert.deepEqual([entry?.what, entry?.ended, entry?.by, entry?.recoveredBy], ["deploy", "kept", ann, bob]);
  assert.equal(entry?.phases.preflight, 160);
});

test("the same tag deployed twice is two entries", () => {
  const twice = ["a", "b"].flatMap((id) => [staged("v1"), activating("v1", id), good("v1", id)]);
  assert.equal(historyOf(twice, false).length, 2);
});

test("lines of a zdr that knew of no phases keep the times that they had", () => {
  const old: LedgerEntry[] = [
    { event: "staged", at: at(0), tag: "v1", digest: "d", receivedBytes: 7, ms: 60 },
    { event: "activating", at: at(1), tag: "v1", activation: "a", why: "deploy" },
    { event: "good", at: at(2), tag: "v1", activation: "a", proof: "processes", evidence: [], ms: 900 },
  ];
  assert.deepEqual(historyOf(old, false)[0]?.phases, { receive: 60, ready: 900 });
});
