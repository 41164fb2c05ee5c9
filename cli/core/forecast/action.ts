/** What a deploy would do to one program, by what supervisor says of it and which release it runs. */
import type { ProgramPlan } from "../../../agent/wire/plan.ts";
import type { ProgramSurvey } from "../../../agent/wire/program.ts";

export interface PlannedAction {
  /** `none`: it runs the release already. */
  readonly action: "none" | "start" | "reload" | "restart" | "wait" | "refuse";
  /** In words, with the signal and who gets it. */
  readonly words: string;
}

/** The state table of a deploy (agent/core/decision.ts): start or reload by what supervisor says of the program. */
export function plannedAction(survey: ProgramSurvey, plan: ProgramPlan | undefined, tag?: string): PlannedAction {
  const { info, runs, changed = [] } = survey;
  switch (info?.statename) {
    case undefined:
      return { action: "refuse", words: "refuse: supervisor does not know it; run zdr setup first" };
    case "RUNNING":
      if (plan === undefined) return { action: "none", words: "nothing: it is not in deploy.yml" };
      if (tag !== undefined && runs === tag && changed.length === 0)
        return { action: "none", words: `nothing: it runs ${tag} already` };
      return takingIn(changed, reloadAction(plan, info.pid));
    case "STARTING":
      return { action: "wait", words: "wait until it is up, then reload" };
    case "BACKOFF":
      return { action: "start", words: "stop, then start" };
    case "STOPPING":
      return { action: "wait", words: "wait until it has ended, then start" };
    case "STOPPED":
    case "EXITED":
    case "FATAL":
      return { action: "start", words: "start" };
    default:
      return { action: "refuse", words: "refuse: nothing can be known of a program in this state" };
  }
}

function takingIn(changed: readonly string[], { action, words }: PlannedAction): PlannedAction {
  if (changed.length === 0) return { action, words };
  return { action, words: `${words}; it takes in what deploy.yml has changed: ${changed.join(", ")}` };
}

function reloadAction({ reload }: ProgramPlan, pid: number): PlannedAction {
  const { strategy, signal = "its signal", oldSignal } = reload;
  const to = pid === 0 ? "" : ` to pid ${pid}`;
  const reloaded = (words: string) => ({ action: "reload", words }) as const;
  switch (strategy) {
    case "restart":
      return { action: "restart", words: "stop, then start, with a gap" };
    case "signal":
      return reloaded(`reload: ${signal}${to}`);
    case "slot":
      return reloaded(`reload: the new binary into its slot, then ${signal}${to}`);
    case "watch":
      return reloaded("reload: the new binary into its slot, then wait until it notices");
    case "handover": {
      const end = oldSignal === undefined ? "" : `, then ${oldSignal} to the old one`;
      return reloaded(`reload: ${signal} to the program through its keeper, which follows the successor${end}`);
    }
    case "http":
      return reloaded(`reload: GET ${reload.url ?? ""}, once, then follow the successor`);
    case "socket":
      return reloaded("reload: start the new one on the same socket, wait until it accepts, then TERM to the old one");
    case "bluegreen":
      return reloaded("start the other member, watch it, then stop this one");
    case "rolling":
      return reloaded("stop and start one member after the other");
  }
}
