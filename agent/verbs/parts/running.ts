/** Which releases the living processes run: for status, for releases, and so that prune takes none of them. */

import { viewProgram } from "../../activation/program-view.ts";
import type { HostContext } from "../../context.ts";
import { type ProcessView, releaseRun } from "../../core/generation.ts";
import { FAULT, faultCode } from "../../io/supervisor/supervisor.ts";
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
  /** A process could not be looked into, so that there may be more. */
  readonly isHidden: boolean;
}

export async function runningReleases(context: HostContext): Promise<RunningProgram[]> {
  const found: RunningProgram[] = [];
  for (const program of context.project.programs) {
    const info = await infoOrUndefined(context, program);
    const processes = info ? await viewProgram(context, program, info.pid) : [];
    const releases = new Set<string>();
    for (const process of processes) if (process.release !== undefined) releases.add(process.release);
    const isHidden = processes.some((process) => process.denied);
    found.push({ program, info, processes, serves: releaseRun(processes), releases: [...releases], isHidden });
  }
  return found;
}

async function infoOrUndefined(context: HostContext, program: ProgramPlan): Promise<ProcessInfo | undefined> {
  try {
    return await context.supervisor.getProcessInfo(program.process);
  } catch (error) {
    if (faultCode(error) === FAULT.BAD_NAME) return undefined;
    throw error;
  }
}
