/** What supervisor says of a program, and what was found about it. */
import * as z from "zod/mini";
import { nonNegative } from "./scalars.ts";

/** supervisor/states.py, ProcessStates. */
export const ProcessStateName = z.enum([
  "STOPPED",
  "STARTING",
  "RUNNING",
  "BACKOFF",
  "STOPPING",
  "EXITED",
  "FATAL",
  "UNKNOWN",
]);
export type ProcessStateName = z.infer<typeof ProcessStateName>;

/** getProcessInfo's members that zdr shows (supervisor/rpcinterface.py). */
export const ProcessInfo = z.object({
  name: z.string(),
  group: z.string(),
  state: z.number(),
  statename: z.string(),
  description: z.string(),
  pid: z.number(),
  start: z.number(),
  stop: z.number(),
  now: z.number(),
  spawnerr: z.string(),
  exitstatus: z.number(),
  stdout_logfile: z.string(),
  stderr_logfile: z.string(),
});
export type ProcessInfo = z.infer<typeof ProcessInfo>;

export const LintFinding = z.object({
  rule: z.string(),
  /** `refuse`: a deploy would break the program; `warn`: it would be worse than it needs to be. */
  level: z.enum(["refuse", "warn"]),
  text: z.string(),
  fix: z.string(),
});
export type LintFinding = z.infer<typeof LintFinding>;

export const ProgramSurvey = z.object({
  name: z.string(),
  process: z.string(),
  /** Absent: supervisor does not know it. */
  info: z.optional(ProcessInfo),
  /** The release that its process really runs, where that can be told. */
  runs: z.optional(z.string()),
  /** What deploy.yml has changed since it was started, and a reload takes in, in words. Absent: nothing. */
  changed: z.optional(z.array(z.string())),
  findings: z.array(LintFinding),
});
export type ProgramSurvey = z.infer<typeof ProgramSurvey>;

export const StatusResult = z.object({
  /** Exactly what supervisorctl would print, and its exit code. */
  stdout: z.string(),
  exit: nonNegative.check(z.lte(255)),
  processes: z.array(ProcessInfo),
  /** With `project`: which release each process really runs. */
  runs: z.array(z.object({ process: z.string(), release: z.string() })),
  /** With `project`: of a program, what a killed supervisord has left of it, and the one that runs now does not know. */
  orphans: z.optional(z.array(z.object({ program: z.string(), text: z.string() }))),
  /** With `deployTo`: an activation that has begun and not ended, since `at`; by a living agent, or by one that is dead. */
  halfway: z.optional(
    z.object({ tag: z.string(), from: z.optional(z.string()), at: z.string(), isUnderWay: z.boolean() }),
  ),
});
export type StatusResult = z.infer<typeof StatusResult>;
