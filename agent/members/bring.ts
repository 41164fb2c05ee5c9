/**
 * Brings all members of a program onto the release that `current` names, so that somebody accepts all the time.
 *
 * - A new process is ready by its own pid before any other one is told to stop.
 * - The first one is watched for the whole of the watch window while the old ones still serve: a release that crashes a
 *   while after its start costs what the crashing process had accepted, and nobody is refused.
 * - In the end every process of every member that accepts runs the release, and the health check agrees. Only now does the
 *   health check tell, since before it may have been answered by an old process.
 */
import { type BringOptions, type Brought, bringProgram } from "../activation/bring.ts";
import { programEvent, type Ready, waitReady } from "../activation/ready.ts";
import { watchProgram } from "../activation/settle.ts";
import { infoOf, restingInfo, stopProgram } from "../activation/supervised.ts";
import type { HostContext } from "../context.ts";
import { judgeGeneration, type ProcessView, processKey } from "../core/generation.ts";
import { type MemberState, type MemberStep, memberSteps } from "../core/members/steps.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { type Member, type Members, membersOf, summaryOf, viewMembers } from "./members.ts";
import { refuseTakenSocket } from "./socket.ts";

export interface WholeOptions extends BringOptions {
  /** How many members ran before a command that died; absent: as many as run now. */
  readonly up?: number | undefined;
}

/** Of a program that is one process: as bringProgram. */
export async function bringWhole(context: HostContext, program: ProgramPlan, options: WholeOptions): Promise<Brought> {
  if (program.members === undefined) return bringProgram(context, program, options);
  const at = context.now();
  const members = await restingMembers(context, program);
  const running = members.filter(({ info }) => info.statename === "RUNNING");
  if (running.length === 0) refuseTakenSocket(program, members);
  const before = await viewMembers(context, members);
  const isRestart = options.restart === true && running.length > 0;
  if (isRestart) options.told?.("restart", at);
  if (isRestart) await Promise.all(running.map((member) => stopMember(context, member)));
  const steps = isRestart
    ? running.map(({ program: member }) => ({ do: "start", process: member.process }) as const)
    : memberSteps(program.reload.strategy, await statesOf(context, members, options), options.up ?? running.length);
  if (!isRestart && steps.length > 0) options.told?.(running.length === 0 ? "start" : "reload", at);
  const isWatching = running.length > 0 && !isRestart;
  const done = await takeSteps(context, members, steps, { ...options, isWatching });
  const whole = await settleMembers(context, program, options.tag, { at, before, parts: done.parts });
  const [first] = done.parts;
  const isInPlace = steps.some((step) => step.do === "restart");
  return {
    ...{ ...whole, old: isRestart ? before : done.old, isWatched: done.isWatched },
    action: steps.length === 0 ? "none" : isRestart ? "restart" : running.length === 0 ? "start" : "reload",
    readyMs: first === undefined || isInPlace ? whole.readyMs : first.at + first.readyMs - at,
    gapMs: isRestart ? whole.readyMs : undefined,
  };
}

export interface MembersBrought {
  readonly at: number;
  /** The processes that there were then. */
  readonly before: readonly ProcessView[];
  readonly parts: readonly Brought[];
}

/** Waits until the whole program is on the release, and tells of it. */
export async function settleMembers(
  context: HostContext,
  program: ProgramPlan,
  tag: string,
  { at, before, parts }: MembersBrought,
): Promise<Brought> {
  const whole = await waitWhole(context, program, tag, before);
  const running = (await membersOf(context, program)).filter(({ info }) => info.statename === "RUNNING");
  const untouched = { tag, action: "none", at, readyMs: 0, gapMs: undefined, old: [], proof: whole.proof } as const;
  return {
    ...{ ...whole, program, tag, at, gapMs: undefined, old: [] },
    action: parts.every(({ action }) => action === "none") ? "none" : "reload",
    readyMs: context.now() - at,
    parts: running.map(
      (member) =>
        parts.find((part) => part.program.process === member.program.process) ?? {
          ...{ ...untouched, ...member, evidence: [], serving: [] },
        },
    ),
  };
}

/** Waits until no member is on its way up or down. One that supervisor tries to start over and over goes on trying. */
export async function restingMembers(context: HostContext, program: ProgramPlan): Promise<Members> {
  const rest = async ({ program: member }: Member) => ({ program: member, info: await restingInfo(context, member) });
  const [first, ...others] = await membersOf(context, program);
  return [await rest(first), ...(await Promise.all(others.map(rest)))];
}

async function statesOf(
  context: HostContext,
  members: readonly Member[],
  { tag, reload }: BringOptions,
): Promise<MemberState[]> {
  const states: MemberState[] = [];
  for (const { program, info } of members) {
    const runs = info.statename === "RUNNING";
    const state = runs ? "runs" : info.statename === "STOPPED" ? "down" : "fallen";
    const isThere = runs && reload === "if-needed" && (await isOn(context, program, info.pid, tag));
    states.push({ process: program.process, state, isThere });
  }
  return states;
}

/** A process that waits in poll(2) between two requests is not always seen to. */
const LOOKS = 20;
const LOOK_INTERVAL_MS = 25;

/** Whether the processes of one member provably run the release. */
export async function isOn(context: HostContext, member: ProgramPlan, pid: number, tag: string): Promise<boolean> {
  for (let look = 1; ; look++) {
    const processes = await viewMembers(context, [{ program: member, info: { pid } }]);
    const before = new Set(processes.map(processKey));
    const question = { wanted: tag, before, listens: member.health !== undefined, mustBeNew: false };
    const { kind } = judgeGeneration(processes, question);
    if (kind !== "not-yet" || look >= LOOKS) return kind === "proved";
    await context.sleep(LOOK_INTERVAL_MS);
  }
}

interface Done {
  readonly parts: Brought[];
  readonly old: ProcessView[];
  readonly isWatched: boolean;
}

async function takeSteps(
  context: HostContext,
  members: readonly Member[],
  steps: readonly MemberStep[],
  options: BringOptions & { readonly isWatching: boolean },
): Promise<Done> {
  const done = { parts: [] as Brought[], old: [] as ProcessView[], isWatched: false };
  for (const step of steps) {
    const member = members.find(({ program }) => program.process === step.process);
    if (member === undefined) continue;
    if (step.do === "stop") {
      done.old.push(...(await stopMember(context, member)));
      continue;
    }
    const how = { tag: options.tag, reload: "always", restart: step.do === "restart" } as const;
    const part = await bringProgram(context, member.program, how);
    done.parts.push(part);
    done.old.push(...part.old);
    if (!options.isWatching || done.isWatched) continue;
    await watchProgram(context, part, undefined);
    done.isWatched = true;
  }
  return done;
}

async function stopMember(context: HostContext, { program }: Member): Promise<ProcessView[]> {
  const info = await infoOf(context, program);
  const processes = await viewMembers(context, [{ program, info }]);
  context.emit(programEvent(context, program, "stop", info.pid, undefined));
  await stopProgram(context, program);
  return processes;
}

/** Waits until all that accepts runs the release, whichever member it is of. */
function waitWhole(
  context: HostContext,
  program: ProgramPlan,
  tag: string,
  before: readonly ProcessView[],
): Promise<Ready> {
  const listens = program.health !== undefined || before.some((process) => process.accepts);
  const look = async () => {
    const members = await membersOf(context, program);
    return { info: summaryOf(members), processes: await viewMembers(context, members) };
  };
  return waitReady(context, program, {
    tag,
    before: new Set(before.map(processKey)),
    listens,
    at: context.now(),
    look,
  });
}
