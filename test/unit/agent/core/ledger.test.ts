import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  interruptedActivation,
  type LedgerEntry,
  parseLedger,
  releaseRecords,
  revertTarget,
  rollbackTarget,
  rolledBackFrom,
} from "../../../../agent/core/ledger.ts";

const at = "2026-11-20T10:00:00.000Z";
const by = { user: "ann", host: "laptop" };
const staged = (tag: string): LedgerEntry => ({ event: "staged", at, tag, by, digest: "d", receivedBytes: 1, ms: 1 });
const activating = (tag: string, activation: string, from?: string): LedgerEntry => ({
  ...{ event: "activating", at, tag, by, activation, why: "deploy" },
  ...(from === undefined ? {} : { from }),
});
const good = (tag: string, activation: string): LedgerEntry => ({
  ...{ event: "good", at, tag, by, activation, proof: "processes", evidence: [], ms: 1 },
});
const bad = (tag: string, activation: string): LedgerEntry => ({
  event: "bad",
  at,
  tag,
  by,
  activation,
  reason: "crashed",
});
const reverted = (tag: string, activation: string, to?: string): LedgerEntry => ({
  ...{ event: "reverted", at, tag, by, activation },
  ...(to === undefined ? {} : { to }),
});
const withdrawn = (tag: string, to: string): LedgerEntry => ({ event: "withdrawn", at, tag, by, to });
const removed = (tag: string): LedgerEntry => ({ event: "removed", at, tag, by });

const text = (entries: readonly LedgerEntry[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
const deployed = (tag: string, id: string, from?: string) => [staged(tag), activating(tag, id, from), good(tag, id)];

describe("the ledger's text", () => {
  test("what was appended is read back in order", () => {
    const entries = [...deployed("v1", "a"), ...deployed("v2", "b", "v1")];
    assert.deepEqual(parseLedger(text(entries)), { entries, damagedLines: [] });
  });

  test("a torn last line is passed over without a word", () => {
    const whole = text(deployed("v1", "a"));
    for (let cut = 1; cut < 40; cut++) {
      const { entries, damagedLines } = parseLedger(whole + whole.slice(0, cut));
      assert.equal(entries.length, 3);
      assert.deepEqual(damagedLines, []);
    }
  });

  test("a line in the middle that is no entry is named, and the others count", () => {
    const { entries, damagedLines } = parseLedger(`${text([staged("v1")])}rubbish\n${text([removed("v1")])}`);
    assert.equal(entries.length, 2);
    assert.deepEqual(damagedLines, [2]);
  });
});

describe("what became of a release", () => {
  const verdict = (entries: LedgerEntry[], tag: string) => releaseRecords(entries).get(tag)?.verdict;

  test("a release is staged, activating, then good", () => {
    const entries = deployed("v1", "a");
    assert.equal(verdict(entries.slice(0, 1), "v1"), "staged");
    assert.equal(verdict(entries.slice(0, 2), "v1"), "activating");
    assert.equal(verdict(entries, "v1"), "good");
  });

  test("a release that was good and failed later is bad", () => {
    const entries = [...deployed("v1", "a"), activating("v1", "c"), bad("v1", "c"), reverted("v1", "c", "v0")];
    assert.equal(verdict(entries, "v1"), "bad");
  });

  test("staging a good release again changes nothing that is known of it", () => {
    const later = { ...staged("v1"), at: "2027-01-01T00:00:00.000Z" };
    assert.deepEqual(releaseRecords([...deployed("v1", "a"), later]), releaseRecords(deployed("v1", "a")));
  });

  test("a release that is staged again after it was removed starts from nothing", () => {
    assert.equal(verdict([...deployed("v1", "a"), removed("v1"), staged("v1")], "v1"), "staged");
  });
});

describe("what a rollback takes", () => {
  const target = (entries: LedgerEntry[], current: string, present = ["v1", "v2", "v3"]) =>
    rollbackTarget(releaseRecords(entries), new Set(present), current);

  test("the release proved last before the current one", () => {
    const entries = [...deployed("v1", "a"), ...deployed("v2", "b"), ...deployed("v3", "c")];
    assert.equal(target(entries, "v3"), "v2");
  });

  test("a rollback of a rollback goes further back, not forward again", () => {
    const entries = [...deployed("v1", "a"), ...deployed("v2", "b"), ...deployed("v3", "c")];
    entries.push(activating("v2", "d", "v3"), good("v2", "d"), withdrawn("v3", "v2"));
    assert.equal(target(entries, "v2"), "v1");
  });

  test("A good, B bad, rollback to A, C bad: never B", () => {
    const entries = [...deployed("v1", "a"), activating("v2", "b"), bad("v2", "b"), reverted("v2", "b", "v1")];
    entries.push(activating("v3", "c"), bad("v3", "c"), reverted("v3", "c", "v1"));
    assert.equal(target(entries, "v1"), undefined);
  });

  test("a release that is no longer there is no target", () => {
    const entries = [...deployed("v1", "a"), ...deployed("v2", "b"), ...deployed("v3", "c")];
    assert.equal(target(entries, "v3", ["v1", "v3"]), "v1");
  });
});

describe("what a failed activation goes back to", () => {
  const present = new Set(["v0", "v1", "v2", "v3", "by-hand"]);
  const target = (entries: LedgerEntry[], tag: string, from: string | undefined) =>
    revertTarget(releaseRecords(entries), present, { tag, from });
  const entries = [...deployed("v1", "a"), ...deployed("v2", "b", "v1")];
  const failed = (tag: string, id: string, from: string) => [activating(tag, id, from), bad(tag, id)];

  test("is what was current, which is good", () => {
    assert.equal(target([...entries, ...failed("v3", "c", "v2")], "v3", "v2"), "v2");
  });

  test("is nothing on a first deploy", () => {
    assert.equal(target(failed("v1", "a", ""), "v1", undefined), undefined);
  });

  test("is the one proved last where what was current has failed since", () => {
    const since = [...entries, ...failed("v2", "c", "v2"), reverted("v2", "c", "v2")];
    assert.equal(target([...since, ...failed("v3", "d", "v2")], "v3", "v2"), "v1");
  });

  test("is what was current where that is all there is, and where zdr does not know it", () => {
    const only = [...deployed("v2", "b"), ...failed("v2", "c", "v2")];
    assert.equal(target([...only, ...failed("v3", "d", "v2")], "v3", "v2"), "v2");
    assert.equal(target([...entries, ...failed("v3", "c", "by-hand")], "v3", "by-hand"), "by-hand");
  });

  test("is the same release where one was deployed anew: nothing else served before", () => {
    assert.equal(target([...entries, ...failed("v2", "c", "v2")], "v2", "v2"), "v2");
  });
});

describe("what was rolled back from", () => {
  const back = [activating("v1", "c", "v2"), good("v1", "c"), withdrawn("v2", "v1")];
  const entries = [...deployed("v1", "a"), ...deployed("v2", "b", "v1"), ...back];

  test("is known until another release is proved", () => {
    assert.equal(rolledBackFrom(entries, "v1"), "v2");
    assert.equal(rolledBackFrom([...entries, ...deployed("v3", "d", "v1")], "v3"), undefined);
    assert.equal(rolledBackFrom(deployed("v1", "a"), "v1"), undefined);
  });

  test("is what the last rollback came from, not the one before it", () => {
    const further = [activating("v0", "d", "v1"), good("v0", "d"), withdrawn("v1", "v0")];
    assert.equal(rolledBackFrom([...entries, ...further], "v0"), "v1");
  });

  test("is nothing where somebody has changed current since", () => {
    assert.equal(rolledBackFrom(entries, "by-hand"), undefined);
  });
});

describe("an interrupted activation", () => {
  test("is one that began and has no end", () => {
    const entries = [...deployed("v1", "a"), staged("v2"), activating("v2", "b", "v1")];
    const at = entries.at(-1)?.at;
    const expected = { activation: "b", tag: "v2", at, from: "v1", why: "deploy", up: undefined, isReverting: false };
    assert.deepEqual(interruptedActivation(entries), expected);
  });

  test("is over with good, reverted or stuck, and not with bad alone", () => {
    const begun = [activating("v2", "b", "v1")];
    assert.equal(interruptedActivation([...begun, good("v2", "b")]), undefined);
    assert.equal(interruptedActivation([...begun, bad("v2", "b"), reverted("v2", "b", "v1")]), undefined);
    assert.equal(interruptedActivation([...begun, bad("v2", "b")])?.isReverting, true);
  });
});

test("the ledger never calls a release good that was not proved last", () => {
  const tag = fc.constantFrom("v1", "v2", "v3");
  const entry = fc.oneof(
    tag.map(staged),
    tag.map((one) => activating(one, "x")),
    tag.map((one) => good(one, "x")),
    tag.map((one) => bad(one, "x")),
    tag.map((one) => withdrawn(one, "v1")),
    tag.map(removed),
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
      for (const record of releaseRecords(entries).values()) {
        if (record.verdict !== "good") continue;
        const ownEnds = entries.filter((one) => one.tag === record.tag && one.event !== "staged");
        assert.equal(ownEnds.at(-1)?.event, "good");
      }
    }),
  );
});
