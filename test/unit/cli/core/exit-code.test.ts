import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { ActivationReport, MeterCount, ProgramReport } from "../../../../agent/wire/report.ts";
import {
  combineExitCodes,
  EXIT,
  type ExitCode,
  type HostOutcome,
  outcomeOf,
  outcomeOfFailure,
} from "../../../../cli/core/exit-code.ts";

const kept: HostOutcome = { kind: "kept", lossy: false };
const lossy: HostOutcome = { kind: "kept", lossy: true };
const reverted: HostOutcome = { kind: "reverted" };
const stuck: HostOutcome = { kind: "stuck" };
const before = (exit: ExitCode): HostOutcome => ({ kind: "as-before", exit });
const untouched = before(EXIT.done);

const TABLE: [string, HostOutcome[], ExitCode][] = [
  ["no host at all is done", [], 0],
  ["all kept is done", [kept, kept], 0],
  ["some kept, some unchanged is done", [kept, untouched], 0],
  ["all unchanged is done", [untouched, untouched], 0],
  ["more failed requests than before the flip is 9", [kept, lossy], 9],
  ["all that failed reverted and none is new is 7", [reverted, reverted], 7],
  ["a revert in the first batch with the rest not reached is 7", [reverted, untouched, untouched], 7],
  ["a revert beside a host that could not be reached is 7: all are as before", [reverted, before(4)], 7],
  ["one new, one reverted is 8: hosts differ", [kept, reverted], 8],
  ["one new, one that could not be reached is 8: hosts differ", [kept, before(4)], 8],
  ["one lossy, one reverted is 8", [lossy, reverted], 8],
  ["one stuck is 8 whatever the others are", [stuck, kept, reverted, before(6)], 8],
  ["a failed upload is 6", [before(6), untouched], 6],
  ["a failed upload beside a refusal is 6", [before(5), before(6)], 6],
  ["a refusal beside an unreachable host is 5", [before(4), before(5)], 5],
  ["an unreachable host beside a held lock is 4", [before(3), before(4)], 4],
  ["a held lock is 3", [before(3), untouched], 3],
  ["a bug is 70 where nothing was changed", [before(5), before(70)], 70],
];

describe("the exit code of several hosts", () => {
  for (const [name, outcomes, exit] of TABLE) {
    test(name, () => {
      assert.equal(combineExitCodes(outcomes), exit);
      assert.equal(combineExitCodes([...outcomes].reverse()), exit);
    });
  }

  const outcome = fc.oneof(
    fc.constantFrom(kept, lossy, reverted, stuck),
    fc.constantFrom<ExitCode>(0, 3, 4, 5, 6, 70).map(before),
  );
  const isFailure = (one: HostOutcome) =>
    one.kind === "reverted" || one.kind === "stuck" || (one.kind === "as-before" && one.exit !== EXIT.done);

  test("0 and 9 are said only when no host failed", () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 6 }), (outcomes) => {
        const exit = combineExitCodes(outcomes);
        assert.equal(exit === EXIT.done || exit === EXIT.lossy, !outcomes.some(isFailure));
      }),
    );
  });

  test("7 is said only when no host runs the new release and none is stuck", () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 6 }), (outcomes) => {
        const isAsBefore = outcomes.every(({ kind }) => kind === "reverted" || kind === "as-before");
        assert.ok(combineExitCodes(outcomes) !== EXIT.reverted || isAsBefore);
      }),
    );
  });
});

describe("what became of one host", () => {
  const count = (sent: number, failed: number): MeterCount => ({ sent, failed, reconnects: 0, slowestMs: 1 });
  const program = (action: ProgramReport["action"], baseline: MeterCount, during: MeterCount): ProgramReport => ({
    name: "shop",
    process: "shop",
    action,
    before: { pid: 1, state: "RUNNING" },
    after: { pid: 1, state: "RUNNING" },
    draining: 0,
    proof: "processes",
    evidence: [],
    meter: { baseline, during },
  });
  const report = (outcome: ActivationReport["outcome"], programs: ProgramReport[] = []): ActivationReport => ({
    outcome,
    tag: "v1.2",
    programs,
    log: [],
    flipToDoneMs: 1,
    warnings: [],
  });

  test("one request that failed in a reload where none failed before is lossy", () => {
    assert.deepEqual(outcomeOf(report("kept", [program("reload", count(100, 0), count(1000, 1))])), lossy);
    assert.deepEqual(outcomeOf(report("kept", [program("reload", count(0, 0), count(1000, 1))])), lossy);
  });

  test("a share of failures that was there before the flip is not the reload's", () => {
    assert.deepEqual(outcomeOf(report("kept", [program("reload", count(100, 10), count(1000, 100))])), kept);
    assert.deepEqual(outcomeOf(report("kept", [program("reload", count(100, 10), count(1000, 101))])), lossy);
  });

  test("a restart promises no gap, so its failures are not lossy", () => {
    assert.deepEqual(outcomeOf(report("kept", [program("restart", count(100, 0), count(1000, 50))])), kept);
  });

  test("each outcome of an activation counts as what it is", () => {
    assert.deepEqual(outcomeOf(report("unchanged")), untouched);
    assert.deepEqual(outcomeOf(report("reverted")), reverted);
    assert.deepEqual(outcomeOf(report("stuck")), stuck);
  });

  test("a failure that leaves the host unknown counts as stuck", () => {
    assert.deepEqual(outcomeOfFailure(EXIT.stuck), stuck);
    assert.deepEqual(outcomeOfFailure(EXIT.reverted), reverted);
    assert.deepEqual(outcomeOfFailure(EXIT.staging), before(6));
  });
});
