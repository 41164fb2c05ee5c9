import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { activateHost, goBack } from "../../../../../cli/commands/parts/activate.ts";
import { EXIT } from "../../../../../cli/core/exit-code.ts";
import { explainAll } from "../../../../../cli/explain.ts";
import type { Failure } from "../../../../../cli/failure.ts";
import {
  type Answers,
  ended,
  FOREIGN_PID,
  linkedHost,
  lockedBy,
  lost,
} from "../../../../support/fixtures/linked-hosts.ts";

const GOAL = { tag: "v2", why: "deploy" } as const;
const REPORT = { outcome: "kept", tag: "v2", previous: "v1", programs: [], log: [], flipToDoneMs: 0, warnings: [] };
const UNREADABLE: Failure = {
  ...{ kind: "agent", host: "web1" },
  failure: { reason: "io", operation: "read", path: "/data/.zdr/ledger.ndjson", code: "EIO" },
};

async function activated(sessions: readonly Answers[], hasFlipped = false) {
  const one = linkedHost(sessions);
  const underWay = { host: one.host, hasFlipped, isOver: false, isWatched: false, isAborted: false };
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

test("an activation whose agent has died behind the flip is left to the next command, and that is said of the host", async () => {
  const { isTaken, state, exit, asked } = await activated([{ activate: () => ended }], true);
  assert.deepEqual([isTaken, state, exit], [false, { kind: "cut-short", tag: "v2" }, EXIT.stuck]);
  assert.deepEqual(asked, ["activate"]);
});

test("of an agent that has died before the flip was heard of, no more is said than what its host had", async () => {
  const { state, exit } = await activated([{ activate: () => ended }]);
  assert.deepEqual([state, exit], [{ kind: "unheard", tag: "v2", current: "v1" }, EXIT.stuck]);
});

test("an agent that dies while it waits for what another one may be at work on leaves the host in a state that nobody knows", async () => {
  const { state } = await activated([{ activate: () => lost }, { survey: () => ended }]);
  assert.deepEqual(state, { kind: "unknown", tag: "v2" });
});

test("a host that served the release before this command has nothing to go back to", async () => {
  const { relink, host, asked, told } = linkedHost([{}]);
  Object.assign(host, { activation: { ...REPORT, outcome: "unchanged", previous: "v2" } });
  assert.equal(await goBack(relink, host), false);
  assert.deepEqual(asked, []);
  assert.match(told.join("\n"), /it had this release before: there is nothing to go back to/);
});

test("an activation that is refused for the lock when it is told first has changed nothing", async () => {
  const { state, exit, asked } = await activated([{ activate: () => lockedBy(FOREIGN_PID) }]);
  assert.deepEqual([state, exit], [{ kind: "staged", tag: "v2", current: "v1" }, EXIT.locked]);
  assert.deepEqual(asked, ["activate"]);
});

describe("a deploy that is held to a plan, on a host whose link dies before the flip", { concurrency: true }, () => {
  const found = (current: string) => ({
    ...{ current, releases: [{ tag: "v2", isPresent: true, digest: "2", verdict: "staged" }], programs: [] },
  });
  const heldTo = async (current: string) => {
    let tries = 0;
    const links = [
      { activate: () => lost },
      { survey: () => found(current), outcome: () => ({}), activate: () => (tries++ === 0 ? REPORT : lost) },
    ];
    const one = linkedHost(links);
    const planned = {
      plan: "00000000-11111111-22222222",
      isHeld: (_: unknown, { current: is }: { current?: string | undefined }) => is === "v1",
    };
    const relink = { ...one.relink, planned };
    const underWay = { host: one.host, hasFlipped: false, isOver: false, isWatched: false, isAborted: false };
    const isTaken = await activateHost(relink, underWay, GOAL);
    return { ...one, isTaken };
  };

  test("is done there where nothing was changed meanwhile", async () => {
    const { isTaken, asked } = await heldTo("v1");
    assert.equal(isTaken, true);
    assert.deepEqual(asked, ["activate", "survey", "outcome", "activate"]);
  });

  test("is refused there where something was, and what is there is told as it is", async () => {
    const { isTaken, asked, host } = await heldTo("v9");
    assert.equal(isTaken, false);
    assert.deepEqual(asked, ["activate", "survey", "outcome"]);
    assert.deepEqual(host.state, { kind: "staged", tag: "v2", current: "v9" });
    assert.ok(host.failure);
    const { exit, error } = explainAll([host.failure]);
    assert.equal(exit, EXIT.refused);
    assert.match(error.join(), /not as it was planned \(00000000-11111111-22222222\)/);
  });
});
