/**
 * Programs that supervisor runs as several processes of one section (numprocs): its members. Which of them is started,
 * restarted and stopped, and in which order, so that somebody accepts all the time.
 *
 * - bluegreen, one of two running: the idle one is started, then the other one stopped.
 * - rolling, or bluegreen with both running, which is what a reboot leaves: one after the other is stopped and started.
 * - One that already runs what is wanted is left alone; so is one that an operator has stopped while others run.
 */
import type { ProgramPlan } from "../../wire/plan.ts";

export interface MemberState {
  /** Supervisor's name of it: `shop:shop_00`. */
  readonly process: string;
  /** `fallen`: not stopped by anybody, and not running. */
  readonly state: "runs" | "fallen" | "down";
  /** It runs, and provably what is wanted. */
  readonly isThere: boolean;
}

export interface MemberStep {
  readonly do: "start" | "restart" | "stop";
  readonly process: string;
}

/** `up`: how many of them are to run where any did before. With none running, bluegreen wants one and rolling all. */
export function memberSteps(
  strategy: ProgramPlan["reload"]["strategy"],
  members: readonly MemberState[],
  up: number,
): MemberStep[] {
  const running = members.filter(({ state }) => state === "runs");
  const idle = members.filter(({ state }) => state !== "runs");
  const isBluegreen = strategy === "bluegreen";
  if (running.length === 0) return steps("start", isBluegreen ? idle.slice(0, 1) : idle);
  const there = running.filter(({ isThere }) => isThere);
  const fallen = isBluegreen ? [] : idle.filter(({ state }) => state === "fallen");
  const heir = up <= 1 && fallen.length === 0 ? (there[0] ?? idle[0]) : undefined;
  if (heir !== undefined) {
    const others = running.filter((member) => member !== heir);
    return [...steps("start", heir.isThere ? [] : [heir]), ...steps("stop", others)];
  }
  const old = running.filter(({ isThere }) => !isThere);
  return [...steps("start", fallen), ...steps("restart", old)];
}

function steps(what: MemberStep["do"], members: readonly MemberState[]): MemberStep[] {
  return members.map(({ process }) => ({ do: what, process }));
}
