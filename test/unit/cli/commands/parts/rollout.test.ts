import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AgentFailure } from "../../../../../agent/wire/failure.ts";
import type { Hooks } from "../../../../../cli/commands/parts/hooks.ts";
import { RECONNECT_PAUSES_MS } from "../../../../../cli/commands/parts/reconnect.ts";
import { rollOut } from "../../../../../cli/commands/parts/rollout.ts";
import { EXIT } from "../../../../../cli/core/exit-code.ts";
import type { Failure } from "../../../../../cli/failure.ts";
import { ended, FOREIGN_PID, linkedHosts, lockedBy, lost } from "../../../../support/fixtures/linked-hosts.ts";

const GOAL = { tag: "v2", why: "deploy" } as const;
const REPORT = { outcome: "kept", tag: "v2", previous: "v1", programs: [], log: [], flipToDoneMs: 0, warnings: [] };
const HOOKS = { tell: async () => {}, after: async () => {} } as unknown as Hooks;

test("a host whose lock somebody else got while it was watched is left as it is: neither taken back nor settled", async () => {
  const activate = () => REPORT;
  const { hosts, relink, asked, told } = linkedHosts([
    [{ activate, soak: () => lost }, { survey: () => lockedBy(FOREIGN_PID) }],
    [{ activate }],
  ]);
  const plan = { batch: [{ hosts: 1 }], pauseMs: 1, maxFailures: 0, onFailure: "revert-all" } as const;
  assert.equal(await rollOut(relink, GOAL, plan, HOOKS), EXIT.stuck, "one serves v2, the other v1");
  assert.deepEqual(asked, ["activate", "soak", "survey"], "the second host was not tried");
  assert.deepEqual(
    hosts.map(({ state }) => state.kind),
    ["serves", "staged"],
  );
  assert.match(told.join("\n"), /it is not taken back/);
});

describe("a host whose link dies in the pause is watched on for what is left of it", { concurrency: true }, () => {
  const PAUSE_MS = 60_000;
  const plan = { batch: [{ hosts: 1 }], pauseMs: PAUSE_MS, maxFailures: 0, onFailure: "stop" } as const;
  const settle = () => ({ pruned: [], warnings: [] });
  const activate = () => REPORT;
  const HELD_MS = 50;

  /** How long it was to be watched, each time. */
  async function watchedFor(loss: Failure): Promise<{ asked: number[]; tookMs: number }> {
    const asked: number[] = [];
    const startedAt = performance.now();
    let tookMs = 0;
    const note = (question: object) => {
      asked.push((question as { ms: number }).ms);
      tookMs = performance.now() - startedAt;
    };
    const soak = async (question: object) => {
      note(question);
      await new Promise((resolve) => setTimeout(resolve, HELD_MS));
      return loss;
    };
    const soakAgain = (question: object) => {
      note(question);
      return {};
    };
    const { relink } = linkedHosts([
      [
        { activate, soak },
        { soak: soakAgain, settle },
      ],
      [{ activate, settle }],
    ]);
    assert.equal(await rollOut(relink, GOAL, plan, HOOKS), EXIT.done);
    return { asked, tookMs };
  }

  test("and not all of it anew; the time without a link was no watch", async () => {
    const { asked, tookMs } = await watchedFor(lost);
    const [first, left = 0, ...more] = asked;
    assert.deepEqual([first, more], [PAUSE_MS, []]);
    assert.ok(left < PAUSE_MS, `${left} ms were left`);
    assert.ok(left >= PAUSE_MS - (tookMs - RECONNECT_PAUSES_MS[0]), `${left} ms were left after ${tookMs} ms`);
  });

  test("where nothing was heard of it, that is all of it", async () => {
    const link = { kind: "link-silent", during: "soak", silentMs: PAUSE_MS } as const;
    const { asked } = await watchedFor({ kind: "link", host: "web1", link });
    assert.deepEqual(asked, [PAUSE_MS, PAUSE_MS]);
  });
});

test("a host that does not keep well on its first release has failed, also when it is cleared away after", async () => {
  const { previous: _, ...first } = REPORT;
  const unwell: Failure = {
    kind: "agent",
    host: "web1",
    failure: { reason: "unhealthy", program: "shop", timeoutMs: 1, lastProbe: "status 503" },
  };
  const settle = () => ({ pruned: [], warnings: [] });
  const { hosts, relink } = linkedHosts([
    [{ activate: () => first, soak: () => unwell, settle }],
    [{ activate: () => first, settle }],
  ]);
  const plan = { batch: [{ hosts: 1 }], pauseMs: 1, maxFailures: 1, onFailure: "stop" } as const;
  assert.notEqual(await rollOut(relink, GOAL, plan, HOOKS), EXIT.done);
  assert.equal(hosts[0]?.failure?.failure, unwell);
});

describe("a host whose way back is refused serves what it took, and hosts differ", { concurrency: true }, () => {
  const refused: Failure = {
    ...{ kind: "agent", host: "web1" },
    failure: { reason: "release-damaged", tag: "v1", path: "bin/shop" },
  };
  const crashed: Failure = {
    ...{ kind: "agent", host: "web1" },
    failure: { reason: "crashed", program: "shop", state: "FATAL", detail: "Exited too quickly" },
  };
  const unhealthy: AgentFailure = { reason: "unhealthy", program: "shop", timeoutMs: 1, lastProbe: "status 503" };
  const settle = () => ({ pruned: [], warnings: [] });
  const takesAndStays = () => {
    let tries = 0;
    return { activate: () => (tries++ === 0 ? REPORT : refused), settle };
  };

  test("where another host failed and all were to go back", async () => {
    const bad = { ...REPORT, outcome: "reverted", failure: unhealthy };
    const { hosts, relink, asked, failed } = linkedHosts([[takesAndStays()], [{ activate: () => bad }]]);
    const plan = { batch: [{ hosts: 1 }], pauseMs: 0, maxFailures: 0, onFailure: "revert-all" } as const;
    assert.equal(await rollOut(relink, GOAL, plan, HOOKS), EXIT.stuck);
    assert.deepEqual(
      hosts.map(({ state }) => state),
      [
        { kind: "serves", tag: "v2" },
        { kind: "reverted", current: "v1" },
      ],
    );
    const [report] = failed;
    assert.match(report?.error.join("\n") ?? "", /^web1: on the way back to v1: release v1 is not as it was/);
    assert.match(report?.error.join("\n") ?? "", /^web2: .*not healthy/m);
    assert.deepEqual(report?.state, ["web2 serves v1 again (reverted, verified); web1 serves v2"]);
    assert.deepEqual(
      report?.hints.at(-1),
      "when that is mended, take web1 back: zdr rollback --to v1 -c ops.yml --host web1",
    );
    assert.equal(asked.at(-1), "settle", "its lock is given up");
  });

  test("where it did not keep well while it was watched: both are told, that first", async () => {
    const { hosts, relink, failed } = linkedHosts([[{ ...takesAndStays(), soak: () => crashed }], [{}]]);
    const plan = { batch: [{ hosts: 1 }], pauseMs: 1, maxFailures: 0, onFailure: "stop" } as const;
    assert.equal(await rollOut(relink, GOAL, plan, HOOKS), EXIT.stuck);
    assert.deepEqual(hosts[0]?.state, { kind: "serves", tag: "v2" });
    const [first, second, ...more] = failed[0]?.error ?? [];
    assert.match(first ?? "", /^web1: .*shop.*FATAL/);
    assert.match(second ?? "", /^web1: on the way back to v1: release v1/);
    assert.deepEqual(more, []);
  });
});

test("whoever interrupts while hosts go back to what they had is told that this is finished", async () => {
  let tries = 0;
  const activate = () => {
    if (tries++ === 0) return REPORT;
    interrupt.raise();
    return { ...REPORT, tag: "v1", previous: "v2" };
  };
  const bad = { ...REPORT, outcome: "reverted" };
  const settle = () => ({ pruned: [], warnings: [] });
  const { hosts, relink, told, interrupt } = linkedHosts([[{ activate, settle }], [{ activate: () => bad }]]);
  const plan = { batch: [{ hosts: 1 }], pauseMs: 0, maxFailures: 0, onFailure: "revert-all" } as const;
  assert.equal(await rollOut(relink, GOAL, plan, HOOKS), EXIT.interrupted);
  assert.match(told.join("\n"), /^finishing the activation that is under way; a second signal /m);
  assert.deepEqual(hosts[0]?.state, { kind: "reverted", current: "v1" });
});

describe("an interrupted rollout is told to webhooks as what is true of its hosts:", { concurrency: true }, () => {
  const settle = () => ({ pruned: [], warnings: [] });
  const activate = () => REPORT;
  const aborted: Failure = { kind: "agent", host: "web1", failure: { reason: "interrupted" } };
  const crashed: AgentFailure = { reason: "crashed", program: "shop", state: "FATAL", detail: "" };

  /** The event, where the first host answers so while the operator interrupts it, and the second one as if nothing were. */
  async function told(verb: "activate" | "soak", answer: () => object | Failure): Promise<string> {
    const told: string[] = [];
    const interrupted = () => {
      rig.interrupt.raise();
      return answer();
    };
    const rig: ReturnType<typeof linkedHosts> = linkedHosts([
      [{ activate, settle, [verb]: interrupted }],
      [{ activate, settle }],
    ]);
    const plan = { batch: [{ hosts: 1 }], pauseMs: 1, maxFailures: 0, onFailure: "revert-all" } as const;
    const hooks = { ...HOOKS, tell: async (event: string) => void told.push(event) };
    assert.equal(await rollOut(rig.relink, GOAL, plan, hooks), EXIT.interrupted);
    return told.join();
  }

  test("some serve it, the others what they had, and all is well", async () => {
    assert.equal(await told("soak", () => aborted), "interrupted");
    assert.equal(await told("activate", () => REPORT), "interrupted");
  });

  test("none has it: all is as before", async () => {
    assert.equal(await told("activate", () => aborted), "reverted");
    assert.equal(await told("activate", () => ({ ...REPORT, outcome: "reverted", failure: crashed })), "reverted");
  });

  test("a person must look where one serves it and is not well, or nobody knows what it serves", async () => {
    assert.equal(await told("soak", () => ({ kind: "agent", host: "web1", failure: crashed })), "stuck");
    assert.equal(await told("activate", () => ended), "stuck");
    assert.equal(await told("activate", () => ({ kind: "interrupted", signal: "SIGINT" })), "stuck");
  });
});
