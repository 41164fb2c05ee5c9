import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type MemberState, memberSteps } from "../../../../../agent/core/members/steps.ts";

const member = (process: string, state: MemberState["state"], isThere = false): MemberState => ({
  ...{ process, state, isThere },
});
const words = (...args: Parameters<typeof memberSteps>) =>
  memberSteps(...args).map((step) => `${step.do} ${step.process}`);

describe("of two members", () => {
  test("the idle one is started before the other one is stopped", () => {
    assert.deepEqual(words("bluegreen", [member("a", "runs"), member("b", "down")], 1), ["start b", "stop a"]);
    assert.deepEqual(words("bluegreen", [member("a", "fallen"), member("b", "runs")], 1), ["start a", "stop b"]);
  });

  test("one is started where none runs", () => {
    assert.deepEqual(words("bluegreen", [member("a", "down"), member("b", "down")], 0), ["start a"]);
  });

  test("nothing is done where the one that runs is what is wanted", () => {
    assert.deepEqual(words("bluegreen", [member("a", "runs", true), member("b", "down")], 1), []);
  });

  test("both are renewed one after the other where both run, as after a boot", () => {
    assert.deepEqual(words("bluegreen", [member("a", "runs"), member("b", "runs")], 2), ["restart a", "restart b"]);
  });

  test("a deploy that died between its start and its stop is ended by the stop", () => {
    assert.deepEqual(words("bluegreen", [member("a", "runs"), member("b", "runs", true)], 1), ["stop a"]);
  });
});

describe("of several members", () => {
  test("all are started where none runs", () => {
    assert.deepEqual(words("rolling", [member("a", "down"), member("b", "down")], 0), ["start a", "start b"]);
  });

  test("those that run are renewed one after the other, and one that an operator stopped stays so", () => {
    const members = [member("a", "runs"), member("b", "down"), member("c", "runs")];
    assert.deepEqual(words("rolling", members, 2), ["restart a", "restart c"]);
  });

  test("one that supervisor gave up comes first, since it takes nothing away", () => {
    const members = [member("a", "runs"), member("b", "fallen"), member("c", "runs")];
    assert.deepEqual(words("rolling", members, 2), ["start b", "restart a", "restart c"]);
    assert.deepEqual(words("rolling", members.slice(0, 2), 1), ["start b", "restart a"]);
  });

  test("the last one that runs is not stopped before another one serves", () => {
    assert.deepEqual(words("rolling", [member("a", "runs"), member("b", "down")], 1), ["start b", "stop a"]);
  });

  test("those that run what is wanted already are left alone", () => {
    const members = [member("a", "runs", true), member("b", "runs"), member("c", "runs", true)];
    assert.deepEqual(words("rolling", members, 3), ["restart b"]);
  });
});

test("whatever they are, one that runs is stopped only while another one of them runs", () => {
  const state = fc.constantFrom("runs", "fallen", "down");
  const some = fc.array(fc.record({ state, isThere: fc.boolean() }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom("bluegreen", "rolling"), some, (strategy, found) => {
      const members = found.map(({ state, isThere }, at) => member(`m${at}`, state, isThere && state === "runs"));
      const running = new Set(members.filter(({ state }) => state === "runs").map(({ process }) => process));
      const up = running.size;
      for (const step of memberSteps(strategy, members, up)) {
        const others = [...running].filter((process) => process !== step.process);
        if (step.do === "start") running.add(step.process);
        else assert.ok(others.length > 0, `${step.do} ${step.process} leaves nobody`);
        if (step.do === "stop") running.delete(step.process);
      }
      assert.ok(running.size >= Math.max(up, 1), "fewer run than before");
    }),
  );
});
