/** What a supervised program's processes are right now: supervisor's pid, its descendants, and what each one runs. */
import type { HostContext } from "../context.ts";
import type { ProcessView } from "../core/generation.ts";
import { isKept, PRESETS } from "../core/presets.ts";
import { inspectProcesses, type ReleaseWant } from "../io/process/inspect.ts";
import { commandLine, descendants, fileIdentity, programPids } from "../io/process/processes.ts";
import { presentReleases } from "../io/release/releases.ts";
import { keeperState, keeperWitness } from "../kept/client.ts";
import type { ProgramPlan } from "../wire/plan.ts";

/** Device and inode of each release's folder, and of the program's binary in it. */
export function releaseWants(context: HostContext, program: ProgramPlan): ReleaseWant[] {
  const binary = binaryOf(program);
  return presentReleases(context.layout).map((tag) => {
    const root = fileIdentity(context.layout.release(tag));
    const executable = binary === undefined ? undefined : fileIdentity(`${context.layout.release(tag)}/${binary}`);
    return { tag, root, binary: executable };
  });
}

/** The program's own binary, relative to the release; undefined where the command is an interpreter of the host's. */
export function binaryOf(program: ProgramPlan): string | undefined {
  const [first = ""] = program.command;
  if (first.startsWith("{current}/")) return first.slice("{current}/".length);
  return first.startsWith("/") || first.startsWith("{") ? undefined : first;
}

/** Looks at every process of the program. `supervisedPid` 0 (nothing runs) gives none. */
export async function viewProgram(
  context: HostContext,
  program: ProgramPlan,
  supervisedPid: number,
): Promise<ProcessView[]> {
  if (supervisedPid === 0) return [];
  const pids = await pidsOf(context, program, supervisedPid);
  const witness = isKept(program) ? { witness: keeperWitness(context.layout.keeperSocket(program.name)) } : {};
  const inspections = await inspectProcesses(pids, releaseWants(context, program), witness);
  const throughCurrent = startsThroughCurrent(context, program, supervisedPid);
  const isMaster = hasMaster(program) || inspections.some((found) => found.pid !== supervisedPid && found.accepts);
  return inspections.map((found) => ({
    pid: found.pid,
    startTicks: found.startTicks,
    supervised: found.pid === supervisedPid,
    accepts: found.accepts && !(isMaster && found.pid === supervisedPid),
    release: found.exeRelease ?? found.cwdRelease,
    releaseBy: found.exeRelease !== undefined ? "exe" : found.cwdRelease !== undefined ? "cwd" : undefined,
    throughCurrent,
    denied: found.denied,
    witnessed: found.witnessed === true,
  }));
}

/** A successor may lead a process group of its own, and be a child of init by now: its keeper knows it all the same. */
async function pidsOf({ layout }: HostContext, program: ProgramPlan, supervisedPid: number): Promise<number[]> {
  const pids = programPids(supervisedPid);
  if (!isKept(program)) return pids;
  const generations = (await keeperState(layout.keeperSocket(program.name)))?.generations ?? [];
  const known = generations.flatMap(({ pid, accepting }) => [pid, ...accepting]);
  return [...new Set([...pids, ...known, ...known.flatMap((pid) => descendants(pid).map((found) => found.pid))])];
}

/** By what runs, and not by what supervisor's files say: a section that was changed is not adopted before a restart. */
function startsThroughCurrent({ layout }: HostContext, program: ProgramPlan, supervisedPid: number): boolean {
  const words = commandLine(supervisedPid);
  const places = [layout.current, layout.programRun(program.name)];
  return words.some((word) => places.some((place) => word.includes(place)));
}

/**
 * A master keeps the listening socket for its workers and accepts nothing itself, and it stays what it was through every
 * reload. overseer's, built by a new Go, has the socket in its epoll set all the same (os.NewFile registers it), so what
 * the kernel says is not enough. Where no preset tells, a process whose children accept counts as a master.
 */
function hasMaster(program: ProgramPlan): boolean {
  const { reload } = program;
  return isKept(program) || (reload.preset !== undefined && PRESETS[reload.preset].master);
}
