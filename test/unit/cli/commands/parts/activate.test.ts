import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { activateHost, goBack } from "../../../../../cli/commands/parts/activate.ts";
import { EXIT } from "../../../../../cli/core/exit-code.ts";
import { explainAll } from "../../../../../cli/explain.ts";
import type { Failure } from "../../../../../cli/failure.ts";
import { type Answers, FOREIGN_PID, linkedHost, lockedBy, lost } from "../../../../support/fixtures/linked-hosts.ts";

const GOAL = { tag: "v2", why: "deploy" } as const;
const REPORT = { outcome: "kept", tag: "v2", previous: "v1", programs: [], log: [], flipToDoneMs: 0, warnings: [] };
const UNREADABLE: Failure = {
  ...{ kind: "agent", host: "web1" },
  failure: { reason: "io", operation: "read", path: "/data/.zdr/ledger.ndjson", code: "EIO" },
};

async function activated(sessions: readonly Answers[]) {
  const one = linkedHost(sessions);
  const underWay = { host: one.host, hasFlipped: false, isOver: false, isAborted: false };
  const isTaken = await activateHost(one.relink, underWay, GOAL);
  const { failure, state } = one.host;
  return { ...one, isTaken, state, exit: failure && explainAll([failure]).exit };
}

describe("an activation whose lock is not to be had again", { concurrency: true }, () => {
  const survey = () => lockedBy(FOREIGN_PID);
  const activate = () => lost;

  test("and that nobody has ended leaves the host in a state that nobody knows, and says so", async () => {
    const { isTaken, state, exit } = await activated([{ activate }, { survey }]);
    assert.deepEqual([isTaken, state, exit], [false, { kind: "unknown", tag: "v2" }, EXIT.stuck]);
  });

  test("says the same where the host cannot tell what became of it", async () => {
    const { state, exit } = await activated([{ activate }, { survey, outcome: () => UNREADABLE }]);
    assert.deepEqual([state, exit], [{ kind: "unknown", tag: "v2" }, EXIT.stuck]);
  });

  test("and that has ended is told with its end", async () => {
    const { isTaken, state, host } = await activated([{ activate }, { survey, outcome: () => ({ report: REPORT }) }]);
    assert.deepEqual([isTaken, state, host.failure], [true, { kind: "serves", tag: "v2" }, undefined]);
  });

  test("is not taken back: nothing is asked of a host that is not this command's any more", async () => {
    const { relink, host, asked, told } = linkedHost([{}]);
    Object.assign(host, { isLockGone: true, activation: REPORT });
    assert.equal(await goBack(relink, host), false);
    assert.deepEqual(asked, []);
    assert.match(told.join("\n"), /it is not taken back/);
  });
});

test("an activation that is refused for the lock when it is told first has changed nothing", async () => {
  const { state, exit, asked } = await activated([{ activate: () => lockedBy(FOREIGN_PID) }]);
  assert.deepEqual([state, exit], [{ kind: "staged", tag: "v2", current: "v1" }, EXIT.locked]);
  assert.deepEqual(asked, ["activate"]);
});
