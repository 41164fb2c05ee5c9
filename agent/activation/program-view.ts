/** What a supervised program's processes are right now: supervisor's pid, its descendants, and what each one runs. */
import type { HostContext } from "../context.ts";
import type { ProcessView } from "../core/generation.ts";
import { isKept, PRESETS } from "../core/presets.ts";
import { openConnections } from "../io/process/connections.ts";
import { type Inspection, inspectProcesses, type ReleaseWant } from "../io/process/inspect.ts";
import { commandLine, descendants, fileIdentity, listProcesses, programPids } from "../io/process/processes.ts";
import { presentReleases } from "../io/release/releases.ts";
import { keeperState, keeperWitness } from "../kept/client.ts";
import { copiedRelease } from "../slot/content.ts";
import type { ProgramPlan } from "../wire/plan.ts";

/** Half a second: a program that hangs is not waited for longer than that. */
const LOOKS_AT_BUSY = 10;
/** Without a connection nobody is at work, and one that waits by turns is found waiting soon. */
const LOOKS_AT_IDLE = 3;
const LOOK_PAUSE_MS = 50;

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
export function binaryOf({ command, reload: { preset } }: ProgramPlan): string | undefined {
  const isMaster = preset !== undefined && PRESETS[preset].starts === true && command.includes("--");
  const started = isMaster ? command[command.indexOf("--") + 1] : undefined;
  const first = started?.startsWith("{current}/") ? started : (command[0] ?? "");
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
  const { pids, children } = await familyOf(context, program, supervisedPid);
  const witness = isKept(program) ? { witness: keeperWitness(context.layout.keeperSocket(program.name)) } : {};
  const inspections = await inspectProcesses(pids, releaseWants(context, program), witness);
  const copies = program.reload.strategy === "watch" ? await copiesOf(context, program, inspections) : undefined;
  const throughCurrent = startsThroughCurrent(context, program, supervisedPid);
  const isMaster = hasMaster(program) || inspections.some((found) => found.pid !== supervisedPid && found.accepts);
  return inspections.map((found) => {
    const byExe = found.exeRelease ?? copies?.get(found.pid);
    return {
      pid: found.pid,
      startTicks: found.startTicks,
      supervised: found.pid === supervisedPid,
      isChild: children.has(found.pid),
      accepts: found.accepts && !(isMaster && found.pid === supervisedPid),
      holds: found.holds.length > 0,
      release: byExe ?? found.cwdRelease,
      releaseBy: byExe !== undefined ? "exe" : found.cwdRelease !== undefined ? "cwd" : undefined,
      throughCurrent,
      denied: found.denied,
      witnessed: found.witnessed === true,
    };
  });
}

/**
 * The same, where somebody has to be seen at work: of a server whose workers wait in select or accept, one look under load may
 * find all of them busy. Looks again while nobody accepts and somebody could.
 */
export async function viewServing(
  context: HostContext,
  program: ProgramPlan,
  supervisedPid: number,
): Promise<ProcessView[]> {
  let isBusy = false;
  for (let looks = 1; ; looks++) {
    const processes = await viewProgram(context, program, supervisedPid);
    const mayServe = !processes.some(({ accepts }) => accepts) && processes.some(({ holds }) => holds);
    if (!mayServe || looks === LOOKS_AT_BUSY) return processes;
    // Counting costs more the more of them there are, so it ends with the first that is seen.
    isBusy ||= openConnections(processes.filter(({ holds }) => holds).map(({ pid }) => pid)) !== 0;
    if (!isBusy && looks === LOOKS_AT_IDLE) return processes;
    await context.sleep(LOOK_PAUSE_MS);
  }
}

/** By pid, where a process executes what the program itself has copied from a release. */
async function copiesOf(
  { layout }: HostContext,
  program: ProgramPlan,
  inspections: readonly Inspection[],
): Promise<ReadonlyMap<number, string>> {
  const binary = binaryOf(program) ?? "";
  const originals = presentReleases(layout).map((tag) => ({ tag, path: `${layout.release(tag)}/${binary}` }));
  const copies = new Map<number, string>();
  for (const found of inspections) {
    if (found.exeRelease !== undefined) continue;
    const tag = await copiedRelease(found, layout.slot(program.name, binary), originals);
    if (tag !== undefined) copies.set(found.pid, tag);
  }
  return copies;
}

/** Every process of the program. A successor may lead a process group of its own, and be a child of init by now: its keeper knows it all the same. */
async function familyOf(
  { layout, processes }: HostContext,
  program: ProgramPlan,
  supervisedPid: number,
): Promise<{ readonly pids: readonly number[]; readonly children: ReadonlySet<number> }> {
  const seen = processes();
  // One that was started since they were looked at is looked for again.
  const all = seen.some(({ pid }) => pid === supervisedPid) ? seen : listProcesses();
  const pids = programPids(supervisedPid, all);
  const children = new Set(all.filter(({ ppid }) => ppid === supervisedPid).map(({ pid }) => pid));
  if (!isKept(program)) return { pids, children };
  const generations = (await keeperState(layout.keeperSocket(program.name)))?.generations ?? [];
  const known = generations.flatMap(({ pid, accepting }) => [pid, ...accepting]);
  const below = known.flatMap((pid) => descendants(pid).map((found) => found.pid));
  return { pids: [...new Set([...pids, ...known, ...below])], children };
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
