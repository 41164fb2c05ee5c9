/**
 * The hooks that the CLI sees come: those of staging, those that run here, and those that run on one host of a command. The
 * others run on each host by themselves, in the middle of its activation (agent/hooks/hooks.ts).
 *
 * - Where the release serves already none runs.
 * - What runs once runs on the first of the others, and ends well before anything is flipped on any.
 * - Until the flip one that fails ends the command, and nothing that serves was changed. After it, it is a warning.
 * - An interrupted command begins none ahead of the flip. Those that run here when all has been decided are run all the same,
 *   and end at a signal that comes after they began.
 */
import type { HookEvent } from "../../../agent/wire/plan.ts";
import type { Config } from "../../core/config.ts";
import type { NoticeEvent } from "../../core/notice.ts";
import type { HostTarget } from "../../core/plan.ts";
import { explainAll, type PhasedFailure } from "../../explain.ts";
import { runLocalHook } from "../../io/local-hook.ts";
import type { Fleet, FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";
import type { ActivationGoal } from "./activate.ts";

export interface Hooks {
  /** False: one of them failed, which is noted with the hosts. */
  before(when: "before_stage" | "after_stage" | "before_activate"): Promise<boolean>;
  /** What fails is told as a warning. */
  after(when: "after_keep" | "after_revert"): Promise<void>;
  /** Tells the webhooks of deploy.yml; `exit`: of what has ended. */
  tell(event: NoticeEvent, exit?: number): Promise<void>;
}

/** What is needed of both. */
export type HookedFleet = Pick<Fleet<HostTarget>, "hosts" | "onOne" | "onEvent">;
export type HookedConfig = Pick<Config, "hooks" | "notify" | "folder" | "project" | "deploy_to">;

export function hooksOf(run: Run, fleet: HookedFleet, config: HookedConfig, goal: ActivationGoal): Hooks {
  const at = async (when: HookEvent, phase: PhasedFailure["phase"]) => {
    const all = config.hooks[when] ?? [];
    const hosts = fleet.hosts.filter(({ unchanged, isServed }) => unchanged === undefined && !isServed);
    const [first] = hosts;
    if (all.length === 0 || first === undefined) return true;
    for (const hook of all.filter(({ on }) => on === "local")) {
      if (!(await runHere(run, first, config, goal, when, hook, phase))) return false;
    }
    const onHosts = all.filter(({ on }) => on === "hosts");
    const ask = (once: boolean) => (host: FleetHost) => {
      host.phase = phase;
      return fleet.onOne(host, "hook", async (_, session) => {
        await session.request("hook", { when, tag: goal.tag, why: goal.why, once }, fleet.onEvent(host));
        return when;
      });
    };
    if (onHosts.some(({ once }) => once) && !(await ask(true)(first))) return false;
    // Those of an activation run in it.
    const isStaging = when === "before_stage" || when === "after_stage";
    if (!isStaging || !onHosts.some(({ once }) => !once)) return true;
    return (await Promise.all(hosts.map(ask(false)))).every((isWell) => isWell);
  };
  return {
    async tell(event, exit) {
      if (config.notify.length === 0) return;
      const { notify } = await import("../../io/notify.ts");
      const hosts = fleet.hosts.map(({ name, state }) => ({ host: name, state }));
      const about = { ...goal, event, project: config.project, by: run.actor, hosts };
      const notice = exit === undefined ? about : { ...about, exit };
      for (const text of await notify(config.notify, notice, run.env)) run.output.report({ kind: "warning", text });
    },
    before: (when) => at(when, when === "after_stage" ? "stage" : "plan"),
    after: async (when) => {
      const had = new Map(fleet.hosts.map((host) => [host, host.failure]));
      await at(when, "settle");
      for (const host of fleet.hosts) {
        if (host.failure === undefined || host.failure === had.get(host)) continue;
        for (const text of explainAll([host.failure]).error) run.output.report({ kind: "warning", text });
        host.failure = had.get(host);
      }
    },
  };
}

const IS_DECIDED: ReadonlySet<HookEvent> = new Set(["after_keep", "after_revert"]);

/** What goes wrong here is noted with the first host: it goes wrong for all of them. */
async function runHere(
  run: Run,
  first: FleetHost,
  config: HookedConfig,
  { tag, why }: ActivationGoal,
  when: HookEvent,
  { argv, timeout }: NonNullable<Config["hooks"][HookEvent]>[number],
  phase: PhasedFailure["phase"],
): Promise<boolean> {
  const { signal } = run.interrupt;
  if (signal !== undefined && !IS_DECIDED.has(when)) {
    first.failure ??= { failure: { kind: "interrupted", signal }, phase };
    return false;
  }
  const isInterrupted = () => (signal === undefined ? run.interrupt.signal !== undefined : run.interrupt.isLeaving);
  const command = argv.join(" ");
  run.output.report({ kind: "note", text: `hook ${when}: ${command}` });
  const { user, run: page = "" } = run.actor;
  const detail = await runLocalHook({
    ...{ argv, folder: config.folder, timeoutMs: timeout, isInterrupted },
    env: {
      ...{ ZDR_HOOK: when, ZDR_TAG: tag, ZDR_WHY: why, ZDR_PROJECT: config.project, ZDR_DEPLOY_TO: config.deploy_to },
      ...{ ZDR_USER: user, ZDR_RUN: page },
    },
  });
  if (detail === undefined) return true;
  first.failure ??= { failure: { kind: "hook", when, command, detail }, phase };
  return false;
}
