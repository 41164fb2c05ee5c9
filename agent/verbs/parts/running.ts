/** Which releases the living processes run: for status, for releases, and so that prune takes none of them. */

import type { HostContext } from "../../context.ts";
import { type ProcessView, releaseRun } from "../../core/generation.ts";
import { membersOrNone, summaryOf, viewMembers } from "../../members/members.ts";
import type { ProgramPlan } from "../../wire/plan.ts";
import type { ProcessInfo } from "../../wire/program.ts";

export interface RunningProgram {
  readonly program: ProgramPlan;
  /** Absent: supervisor does not know it. */
  readonly info: ProcessInfo | undefined;
  readonly processes: readonly ProcessView[];
  /** The release that its serving processes run; undefined: none, mixed, or it can not be told. */
  readonly serves: string | undefined;
  /** Every release that a process of the program runs, a master's too, without duplicates. */
  readonly releases: readonly string[];
  /** Of each process of supervisor's: the release that it serves, or those that it runs where that can not be told. */
  readonly runs: readonly { readonly process: string; readonly release: string }[];
  /** A process could not be looked into, so that there may be more. */
  readonly isHidden: boolean;
}

export async function runningReleases(context: HostContext): Promise<RunningProgram[]> {
  const found: RunningProgram[] = [];
  for (const program of context.project.programs) {
    const members = await membersOrNone(context, program);
    const looks: { readonly process: string; readonly views: readonly ProcessView[] }[] = [];
    for (const member of members) {
      looks.push({ process: member.program.process, views: await viewMembers(context, [member]) });
    }
    const [first, ...rest] = members;
    const info = first && summaryOf([first, ...rest]);
    const processes = looks.flatMap(({ views }) => views);
    const runs = looks.map(({ process, views }) => ({
      process,
      release: releaseRun(views) ?? namesOf(views).join(", "),
    }));
    const isHidden = processes.some((process) => process.denied);
    found.push({
      program,
      info,
      processes,
      serves: releaseRun(processes),
      releases: namesOf(processes),
      runs,
      isHidden,
    });
  }
  return found;
}

/** The releases that they run, without duplicates. */
function namesOf(views: readonly ProcessView[]): string[] {
  return [...new Set(views.flatMap(({ release }) => release ?? []))];
}
