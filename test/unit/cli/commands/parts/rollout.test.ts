import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hooks } from "../../../../../cli/commands/parts/hooks.ts";
import { rollOut } from "../../../../../cli/commands/parts/rollout.ts";
import { EXIT } from "../../../../../cli/core/exit-code.ts";
import type { Failure } from "../../../../../cli/failure.ts";
import { FOREIGN_PID, linkedHosts, lockedBy, lost } from "../../../../support/fixtures/linked-hosts.ts";

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
  assert.equal(await rollOut(relink, GOAL, plan, HOOKS), EXIT.locked);
  assert.deepEqual(asked, ["activate", "soak", "survey"], "the second host was not tried");
  assert.deepEqual(
    hosts.map(({ state }) => state.kind),
    ["serves", "staged"],
  );
  assert.match(told.join("\n"), /it is not taken back/);
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
