import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type HookedConfig, type HookedFleet, hooksOf } from "../../../../../cli/commands/parts/hooks.ts";
import { ZdrError } from "../../../../../cli/failure.ts";
import type { FleetHost } from "../../../../../cli/io/session/fleet.ts";
import type { Run } from "../../../../../cli/run.ts";

const HOOK: NonNullable<HookedConfig["hooks"]["after_keep"]>[number] = {
  ...{ argv: ["bin/migrate"], on: "hosts", once: false, timeout: 1_000, on_failure: "revert" },
};
const RUN = { output: { report: () => {} }, interrupt: {}, actor: {} } as unknown as Run;

/** `asked`: which hooks each host was told to run, in order. */
function fleetOf(names: readonly string[], served: readonly string[] = [], failing?: string) {
  const asked: string[] = [];
  const hosts = names.map(
    (name) => ({ name, isServed: served.includes(name), failure: undefined }) as unknown as FleetHost,
  );
  const fleet = {
    hosts,
    onEvent: () => () => {},
    onOne: async (host: FleetHost, _: string, step: Parameters<HookedFleet["onOne"]>[2]) => {
      const request = async (_verb: string, { when, once }: { when: string; once: boolean }) => {
        asked.push(`${host.name} ${when}${once ? " once" : ""}`);
        return {};
      };
      await step(host, { request } as unknown as Parameters<typeof step>[1]);
      if (host.name !== failing) return true;
      const failure = { reason: "hook-failed", when: "after_keep", command: "x", detail: "exit 1" } as const;
      host.failure = { failure: new ZdrError({ kind: "agent", host: host.name, failure }).failure, phase: host.phase };
      return false;
    },
  };
  return { asked, hosts, fleet: fleet as unknown as HookedFleet };
}

function configOf(hooks: HookedConfig["hooks"]): HookedConfig {
  return { hooks, notify: [], folder: ".", project: "shop", deploy_to: "/data" };
}

const GOAL = { tag: "v2", why: "deploy" } as const;

describe("hooks over several hosts", () => {
  test("what runs once runs on the first host that has something to do", async () => {
    const { asked, fleet } = fleetOf(["a", "b", "c"], ["a"]);
    const config = configOf({ before_activate: [{ ...HOOK, once: true }, HOOK] });
    assert.equal(await hooksOf(RUN, fleet, config, GOAL).before("before_activate"), true);
    assert.deepEqual(asked, ["b before_activate once"], "the others run in each host's activation");
  });

  test("those of staging run on each", async () => {
    const { asked, fleet } = fleetOf(["a", "b"]);
    const config = configOf({ after_stage: [HOOK, { ...HOOK, once: true }] });
    await hooksOf(RUN, fleet, config, GOAL).before("after_stage");
    assert.deepEqual(asked, ["a after_stage once", "a after_stage", "b after_stage"]);
  });

  test("one that fails before the flip ends the command; the other hosts are asked no more", async () => {
    const { asked, fleet } = fleetOf(["a", "b"], [], "a");
    const config = configOf({ before_stage: [{ ...HOOK, once: true }, HOOK] });
    assert.equal(await hooksOf(RUN, fleet, config, GOAL).before("before_stage"), false);
    assert.deepEqual(asked, ["a before_stage once"]);
  });

  test("one that fails when all is kept costs nothing", async () => {
    const { hosts, fleet } = fleetOf(["a"], [], "a");
    await hooksOf(RUN, fleet, configOf({ after_keep: [{ ...HOOK, once: true }] }), GOAL).after("after_keep");
    assert.equal(hosts[0]?.failure, undefined);
  });
});
