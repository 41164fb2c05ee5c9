/**
 * Which processes a killed supervisord has left of a program. They are found and named, and never signalled: a pid that is
 * not supervisor's child any more may be anybody's by the time that a signal arrives.
 */
import { readFileSync } from "node:fs";
import { releaseWants } from "../../activation/program-view.ts";
import type { HostContext } from "../../context.ts";
import type { Orphan } from "../../core/lint/orphans.ts";
import { groupNameOf, programNameOf } from "../../core/section.ts";
import { inspectProcesses } from "../../io/process/inspect.ts";
import { listProcesses, readProcess } from "../../io/process/processes.ts";
import type { ProgramPlan } from "../../wire/plan.ts";

/**
 * Those that are older than the supervisord that runs now, were started by a supervisord under the program's name (the
 * variables that it gives each child, supervisor/process.py, _spawn_as_child), and belong to this project: a host may have
 * a program of that name twice.
 */
export async function findOrphans(
  context: HostContext,
  program: ProgramPlan,
  supervisorPid: number,
): Promise<Orphan[]> {
  const supervisord = readProcess(supervisorPid);
  if (supervisord === undefined) return [];
  const older = listProcesses().filter((one) => !one.isZombie && one.startTicks < supervisord.startTicks);
  const marked = older.flatMap(({ pid }) => {
    const environment = environmentOf(pid);
    return isOf(environment, program)
      ? [{ pid, isOurs: environment.get("ZDR_CURRENT") === context.layout.current }]
      : [];
  });
  if (marked.length === 0) return [];
  const pids = marked.map(({ pid }) => pid);
  const found = await inspectProcesses(pids, releaseWants(context, program));
  return found.flatMap(({ pid, accepts, exeRelease, cwdRelease }) => {
    const release = exeRelease ?? cwdRelease;
    const isOurs = release !== undefined || marked.some((one) => one.pid === pid && one.isOurs);
    return isOurs ? [{ pid, release, accepts }] : [];
  });
}

function isOf(environment: ReadonlyMap<string, string>, program: ProgramPlan): boolean {
  return (
    environment.get("SUPERVISOR_PROCESS_NAME") === programNameOf(program) &&
    environment.get("SUPERVISOR_GROUP_NAME") === groupNameOf(program)
  );
}

/** As it was when the process was started; empty where that is closed to this user. */
function environmentOf(pid: number): Map<string, string> {
  try {
    const pairs = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
  } catch {
    return new Map();
  }
}
