/** How a program with members is spoken of, to supervisor and to those who know of single processes only. */
import type { ProgramPlan } from "../../wire/plan.ts";

/** Supervisor's group, of which every process is a member; undefined: the program is one process. */
export function memberGroup({ members, process }: ProgramPlan): string | undefined {
  return members === undefined ? undefined : process.slice(0, process.indexOf(":"));
}

/** One member as a program of its own, which is stopped and started. */
export function memberPlan(program: ProgramPlan, process: string): ProgramPlan {
  const { members: _, ...rest } = program;
  return { ...rest, name: process, process };
}
