import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pidOneFindings } from "../../../../../agent/core/lint/pid-one.ts";
import { programPlan } from "../../../../support/fixtures/plans.ts";

describe("endless under a supervisord that is pid 1", () => {
  const endless = programPlan("endless");
  const rules = (supervisorPid: number, supervisorUid: number, programUid: number | undefined, program = endless) =>
    pidOneFindings(program, { supervisorPid, supervisorUid, programUid }).map(({ level, rule }) => `${level} ${rule}`);

  test("is refused as root, and as supervisord's own user, since it may end supervisord", () => {
    assert.deepEqual(rules(1, 0, 0), ["refuse endless-pid-1"]);
    assert.deepEqual(rules(1, 1000, 1000), ["refuse endless-pid-1"]);
    assert.deepEqual(rules(1, 1000, 0), ["refuse endless-pid-1"]);
  });

  test("is in order as a user of its own", () => {
    assert.deepEqual(rules(1, 0, 33), []);
    assert.deepEqual(rules(1, 0, undefined), []);
  });

  test("on a host with an init nobody is harmed, and other libraries signal nobody but their parent", () => {
    assert.deepEqual(rules(812, 0, 0), []);
    assert.deepEqual(rules(1, 0, 0, programPlan("grace")), []);
  });
});
