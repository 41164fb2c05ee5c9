/** Which programs, or single members of them, a command names. */
import type { HostContext } from "../../context.ts";
import { memberGroup, memberPlan } from "../../core/members/plan.ts";
import type { ProgramPlan } from "../../wire/plan.ts";

export interface Target {
  /** A whole program, or one member as a program of its own. */
  readonly program: ProgramPlan;
  /** Of deploy.yml. */
  readonly of: ProgramPlan;
}

/** `names`: of programs, or supervisor's own of members. In the order of deploy.yml. */
export function targetsOf({ project }: HostContext, names: readonly string[]): Target[] {
  return project.programs.flatMap((program): Target[] => {
    if (names.includes(program.name)) return [{ program, of: program }];
    const group = memberGroup(program);
    const members = group === undefined ? [] : names.filter((name) => name.startsWith(`${group}:`));
    return members.map((process) => ({ program: memberPlan(program, process), of: program }));
  });
}
