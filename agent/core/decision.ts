/** Start or reload, by what supervisor says of a program (supervisor/states.py; the table stands in ARCHITECTURE.md). */
import type { ProcessStateName } from "../wire/program.ts";

export type Step =
  /** Nothing runs: start it. */
  | "start"
  /** It serves: by its strategy. */
  | "reload"
  /** It is on its way up or down: look again when it has arrived. */
  | "wait"
  /** Supervisor is between two attempts and answers ALREADY_STARTED to a start: end the attempts first. */
  | "stop-then-start"
  /** Supervisor has lost track of it: whatever is done could kill supervisord (process.py, finish()). */
  | "refuse";

const STEP_BY_STATE: Record<ProcessStateName, Step> = {
  STOPPED: "start",
  EXITED: "start",
  FATAL: "start",
  RUNNING: "reload",
  STARTING: "wait",
  STOPPING: "wait",
  BACKOFF: "stop-then-start",
  UNKNOWN: "refuse",
};

/** A state that supervisor does not have yet is one that we do not understand. */
export function stepOf(statename: string): Step {
  return Object.hasOwn(STEP_BY_STATE, statename) ? STEP_BY_STATE[statename as ProcessStateName] : "refuse";
}

/** States in which supervisor holds no process and will not make one by itself. */
export function isDown(statename: string): boolean {
  return stepOf(statename) === "start";
}
