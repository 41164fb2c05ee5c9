import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ActivationReport } from "../../../../../agent/wire/report.ts";
import { type HostState, stateLine, stateOf } from "../../../../../cli/core/report/state-line.ts";

const line = (...states: [string, HostState][]) => stateLine(states.map(([host, state]) => ({ host, state })));

describe("the state line", () => {
  test("says what each host serves, what must be looked at first, and hosts alike share their words", () => {
    assert.equal(
      line(
        ["web-3", { kind: "untouched" }],
        ["web-1", { kind: "serves", tag: "v1.2" }],
        ["web-2", { kind: "reverted", current: "v1.1" }],
        ["web-4", { kind: "serves", tag: "v1.2" }],
        ["web-5", { kind: "stuck", serves: "current names v1.1, shop is FATAL" }],
      ),
      "web-5 is stuck: current names v1.1, shop is FATAL; web-2 serves v1.1 again (reverted, verified); " +
        "web-1, web-4 serve v1.2; web-3 was not touched",
    );
  });

  test("a first deploy that was reverted leaves a host that serves nothing", () => {
    assert.equal(line(["web-1", { kind: "reverted" }]), "web-1 serves nothing, as before (reverted, verified)");
  });

  test("a staged release is told apart from what serves", () => {
    assert.equal(line(["a", { kind: "staged", tag: "v2", current: "v1" }]), "a holds v2 and still serves v1");
  });

  test("of a host whose link died before it was asked for anything, only what was last heard is said", () => {
    const state = { kind: "unheard", tag: "v2", current: "v1" } as const;
    assert.equal(line(["a", state]), "a holds v2, and served v1 when last heard");
  });

  test("a host whose link broke is left to its agent, and the line says so", () => {
    assert.match(line(["a", { kind: "unknown", tag: "v2" }]), /its agent, which keeps v2 or reverts by itself/);
  });

  test("of a host whose agent is dead nobody waits for that agent: the next command ends what it left", () => {
    assert.equal(
      line(["a", { kind: "cut-short", tag: "v2" }]),
      "a was left in the middle of activating v2 by an agent that has ended: the next zdr deploy or zdr reload there keeps v2 or reverts",
    );
  });

  test("of what a dead agent had left, and was ended first, it is said how", () => {
    const said = "the activation of v2 had been interrupted; it did not prove itself, and v1 serves again";
    const but = "not touched, but for what a dead agent had left there:";
    assert.equal(line(["a", { kind: "recovered", said }]), `a was ${but} ${said}`);
    const unheard =
      "a was being brought out of what a dead agent had left there when last heard: zdr status --releases";
    assert.equal(line(["a", { kind: "recovered" }]), unheard);
  });

  test("of hosts of which one did not get where it should, the others are not said to be left half-way", () => {
    const halfway = { kind: "halfway", action: "restart" } as const;
    const controlled = { kind: "controlled", action: "restart" } as const;
    assert.equal(
      line(["a", controlled], ["b", halfway], ["c", controlled]),
      'b was left in the middle of "restart": zdr status; a, c have done "restart"',
    );
  });

  test("no hosts, no line", () => {
    assert.equal(line(), "");
  });
});

test("each outcome of an activation is a state", () => {
  const report = { tag: "v2", previous: "v1", programs: [], log: [], flipToDoneMs: 1, warnings: [], serves: "x" };
  const state = (outcome: ActivationReport["outcome"]) => stateOf({ ...report, outcome });
  assert.deepEqual(state("kept"), { kind: "serves", tag: "v2" });
  assert.deepEqual(state("unchanged"), { kind: "serves", tag: "v2" });
  assert.deepEqual(state("reverted"), { kind: "reverted", current: "v1" });
  assert.deepEqual(state("stuck"), { kind: "stuck", serves: "x" });
});
