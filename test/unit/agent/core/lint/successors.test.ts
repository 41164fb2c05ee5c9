import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ProcessView } from "../../../../../agent/core/generation.ts";
import { successorFindings } from "../../../../../agent/core/lint/successors.ts";
import { programPlan } from "../../../../support/fixtures/plans.ts";

const view = (pid: number, accepts: boolean): ProcessView => ({
  ...{
    pid,
    startTicks: pid,
    supervised: pid === 1,
    isChild: pid !== 1,
    accepts,
    holds: true,
    throughCurrent: true,
    denied: false,
  },
  ...{ release: "v1", releaseBy: "exe" },
});

describe("what keeps a running program from being reloaded", () => {
  test("a master of overseer with two processes that answer: it would reload one of them only", () => {
    const [finding, ...rest] = successorFindings(programPlan("overseer"), [
      view(1, false),
      view(2, true),
      view(3, true),
    ]);
    assert.deepEqual(rest, []);
    assert.equal(finding?.level, "refuse");
    assert.match(finding?.text ?? "", /pids 2, 3/);
    assert.match(finding?.fix ?? "", /^zdr restart shop/);
  });

  test("one that answers and one that still drains are as they should be", () => {
    const processes = [view(1, false), view(2, false), view(3, true)];
    assert.deepEqual(successorFindings(programPlan("overseer"), processes), []);
    assert.deepEqual(successorFindings(programPlan("overseer-watch"), processes), []);
  });

  test("the workers of gunicorn are meant to be several", () => {
    assert.deepEqual(successorFindings(programPlan("gunicorn"), [view(1, false), view(2, true), view(3, true)]), []);
  });
});
