import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ReleaseRecord } from "../../../../agent/core/ledger.ts";
import { type RetentionFacts, releasesToPrune } from "../../../../agent/core/retention.ts";
import type { Verdict } from "../../../../agent/wire/release.ts";

const record = (tag: string, verdict: Verdict, goodAt: number): [string, ReleaseRecord] => [
  tag,
  { tag, verdict, goodAt, at: "", by: undefined, revision: undefined },
];

function facts(over: Partial<RetentionFacts>): RetentionFacts {
  return {
    ...{ present: [], records: new Map(), current: undefined, rollbackTarget: undefined },
    ...{ rolledBackFrom: undefined, inUse: new Set(), keep: 2 },
    ...over,
  };
}

test("the good releases proved last stay, older ones go, oldest first", () => {
  const records = new Map([1, 2, 3, 4].map((n) => record(`v${n}`, "good", n)));
  const present = ["v3", "v1", "v4", "v2"];
  assert.deepEqual(releasesToPrune(facts({ present, records, current: "v4" })), ["v1", "v2"]);
});

test("failed and abandoned releases take no place from good ones", () => {
  const records = new Map([
    record("v1", "good", 1),
    record("v2", "bad", -1),
    record("v3", "staged", -1),
    record("v4", "good", 4),
  ]);
  const present = ["v1", "v2", "v3", "v4"];
  assert.deepEqual(releasesToPrune(facts({ present, records, current: "v4" })), ["v2", "v3"]);
});

test("a release that a living process runs from stays, whatever the ledger says of it", () => {
  const records = new Map([record("v1", "bad", -1), record("v2", "good", 2)]);
  const present = ["v1", "v2"];
  assert.deepEqual(releasesToPrune(facts({ present, records, current: "v2", inUse: new Set(["v1"]) })), []);
});

test("what was just rolled back from stays, however few are kept", () => {
  const records = new Map([record("v1", "good", 5), record("v2", "withdrawn", 2)]);
  const given = { records, present: ["v1", "v2"], current: "v1", keep: 1 };
  assert.deepEqual(releasesToPrune(facts(given)), ["v2"]);
  assert.deepEqual(releasesToPrune(facts({ ...given, rolledBackFrom: "v2" })), []);
});

test("failed and abandoned releases go before good ones, also a failed one that was good once", () => {
  const records = new Map([
    record("v1", "good", 1),
    record("v2", "bad", 2),
    record("v3", "staged", -1),
    record("v4", "good", 4),
  ]);
  const present = ["v1", "v2", "v3", "v4"];
  assert.deepEqual(releasesToPrune(facts({ present, records, current: "v4", keep: 1 })), ["v2", "v3", "v1"]);
});

test("a folder that zdr did not put there is not touched", () => {
  assert.deepEqual(releasesToPrune(facts({ present: ["notes"], records: new Map() })), []);
});

test("never current, never the rollback's target, never what runs, and never fewer than `keep` good ones", () => {
  const tags = ["v1", "v2", "v3", "v4", "v5", "v6"];
  const verdicts = fc.constantFrom<Verdict>("good", "bad", "staged", "activating");
  const arbitrary = fc.record({
    verdicts: fc.array(verdicts, { minLength: tags.length, maxLength: tags.length }),
    present: fc.subarray(tags),
    current: fc.option(fc.constantFrom(...tags), { nil: undefined }),
    rollbackTarget: fc.option(fc.constantFrom(...tags), { nil: undefined }),
    rolledBackFrom: fc.option(fc.constantFrom(...tags), { nil: undefined }),
    inUse: fc.subarray(tags).map((list) => new Set(list)),
    keep: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(arbitrary, (given) => {
      const records = new Map(tags.map((tag, index) => record(tag, given.verdicts[index] ?? "bad", index)));
      const pruned = releasesToPrune({ ...given, records });
      const kept = [given.current, given.rollbackTarget, given.rolledBackFrom, ...given.inUse];
      assert.ok(kept.every((tag) => !pruned.includes(tag ?? "")));
      const good = given.present.filter((tag) => records.get(tag)?.verdict === "good");
      const left = good.filter((tag) => !pruned.includes(tag));
      assert.ok(left.length >= Math.min(given.keep, good.length));
    }),
  );
});
