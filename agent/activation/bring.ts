/**
 * Brings one program onto the release that `current` names: start or reload, then wait until that is proved.
 * What is done depends on supervisor's state alone (agent/core/decision.ts).
 */
import type { HostContext } from "../context.ts";
import { isDown } from "../core/decision.ts";
import { AgentError } from "../core/failure.ts";
import {
  judgeGeneration,
  oldGeneration,
  type ProcessKey,
  type ProcessView,
  processKey,
  releaseRun,
} from "../core/generation.ts";
import { isKept, workersOf } from "../core/presets.ts";
import { isOutOfRoom } from "../io/files.ts";
import { probeOnce } from "../io/http/probe.ts";
import { moment } from "../io/moment.ts";
import { keeperState } from "../kept/client.ts";
import { fdsBefore } from "../kept/copies.ts";
import { type ProcessName, reloadKept } from "../kept/reload.ts";
import { keptDifferences } from "../kept/spec.ts";
import { runsSameBinary } from "../slot/slot.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProcessInfo } from "../wire/program.ts";
import type { ProgramReport } from "../wire/report.ts";
import { viewProgram, viewServing } from "./program-view.ts";
import { type Awaited, acceptingPids, programEvent, waitReady } from "./ready.ts";
import { refuseUnsafeSignal } from "./rights.ts";
import { type Ask, STRATEGIES } from "./strategies.ts";
import { askToStart, infoOf, settledInfo, stopProgram } from "./supervised.ts";

/** overseer's File fetcher: twice its shortest interval. It may be offered a binary as often as one likes, it takes it once. */
const OVERLOOKED_MS = 2_000;

export type Action = ProgramReport["action"];

/** What is known of a program that has been brought onto a release, and still has to be watched and drained. */
export interface Brought {
  readonly program: ProgramPlan;
  readonly tag: string;
  readonly action: Action;
  readonly info: ProcessInfo;
  /** Moment of the signal or start, on the context's clock. */
  readonly at: number;
  readonly readyMs: number;
  readonly gapMs: number | undefined;
  /** Pids of the processes that accept. */
  readonly serving: readonly number[];
  /** What a keeper would start again, without a word to supervisor, if it ended. */
  readonly generation?: ProcessName | undefined;
  /** The old generation, by key; drained when none of them lives. */
  readonly old: readonly ProcessView[];
  readonly proof: ProgramReport["proof"];
  readonly evidence: readonly string[];
  /** Of a program with members: those that run now. */
  readonly parts?: readonly Brought[];
  /** It was watched while the old generation still served, for as long as it is to be. */
  readonly isWatched?: boolean;
}

export interface BringOptions {
  readonly tag: string;
  /** `if-needed`: a program that provably runs the release already is left alone. `always`: it is reloaded all the same. */
  readonly reload: "if-needed" | "always";
  /** Overrides the strategy by stop and start. */
  readonly restart?: boolean;
  /** What run/<program>.json said before, to go back to that; absent: what deploy.yml says. */
  readonly kept?: string | undefined;
  /** Called when it is about to be stopped, started or asked, on the context's clock; the last call counts. */
  readonly told?: (action: Exclude<Action, "none">, at: number) => void;
}

export async function bringProgram(
  context: HostContext,
  program: ProgramPlan,
  options: BringOptions,
): Promise<Brought> {
  const { tag, told } = options;
  const strategy = STRATEGIES[program.reload.strategy];
  const ask = strategy.ask(program);
  // Such a program may take what is prepared for it as soon as it is there.
  const noticing = ask.by === "itself" ? await lookBefore(context, program, tag) : undefined;
  await strategy.prepare(context, program, tag, options.kept);
  moment("program: prepared");
  const info = await settledInfo(context, program);
  if (isDown(info.statename)) return start(context, program, tag, told);
  const before = noticing?.info.pid === info.pid ? noticing.before : await viewServing(context, program, info.pid);
  if (options.reload === "if-needed" && options.restart !== true) {
    const already = await provedBy(context, program, info, tag, before, options.kept);
    if (already) return already;
  }
  if (options.restart === true || ask.by === "restart") return restart(context, program, info, before, tag, told);
  const asked = ask.by === "itself" && noticing?.isSame === true ? ({ ...ask, by: "signal" } as const) : ask;
  const answered = await isAnswering(program, before);
  try {
    return await reload(context, program, info, before, tag, asked, told);
  } catch (error) {
    if (answered || !(error instanceof AgentError) || !MAY_BE_THE_OLD_ONE.has(error.failure.reason)) throw error;
    return restart(context, program, info, before, tag, told);
  }
}

/**
 * Whether there is anybody to reload. A crash loop looks RUNNING now and then, and whoever is asked dies of what it would have
 * died of anyway: that says nothing of the new release, and a stop and start costs no request.
 */
async function isAnswering({ health }: ProgramPlan, before: readonly ProcessView[]): Promise<boolean> {
  return health === undefined || before.some(({ accepts }) => accepts) || (await probeOnce(health)).ok;
}

const MAY_BE_THE_OLD_ONE: ReadonlySet<AgentFailure["reason"]> = new Set(["crashed", "start-failed", "not-ready"]);

/** A program that notices a new binary by itself, before there is one: its processes, and whether it will notice any. */
async function lookBefore(context: HostContext, program: ProgramPlan, tag: string) {
  const info = await infoOf(context, program);
  const before = await viewServing(context, program, info.pid);
  const serving = before.find(({ accepts }) => accepts)?.pid ?? info.pid;
  return { info, before, isSame: serving !== 0 && (await runsSameBinary(context, program, serving, tag)) };
}

/** The proof that a running program serves the release as it is; undefined where that can not be proved. */
export async function provedAlready(
  context: HostContext,
  program: ProgramPlan,
  info: ProcessInfo,
  tag: string,
  kept?: string,
): Promise<Brought | undefined> {
  return provedBy(context, program, info, tag, await viewProgram(context, program, info.pid), kept);
}

/** The same, from a look at its processes that was taken just now. */
export async function provedBy(
  context: HostContext,
  program: ProgramPlan,
  info: ProcessInfo,
  tag: string,
  processes: readonly ProcessView[],
  kept?: string,
): Promise<Brought | undefined> {
  const question = { wanted: tag, before: keysOf(processes), listens: program.health !== undefined, mustBeNew: false };
  const answer = judgeGeneration(processes, question);
  if (answer.kind !== "proved") return undefined;
  // The right release, with an environment or argv that deploy.yml has changed since.
  if ((await keptDifferences(context, program, kept)).length > 0) return undefined;
  if (program.health && !(await probeOnce(program.health)).ok) return undefined;
  const at = context.now();
  return {
    ...{ program, tag, action: "none", info, at, readyMs: 0, gapMs: undefined, old: [], proof: "processes" },
    ...{ evidence: answer.evidence, serving: acceptingPids(processes) },
  };
}

async function start(
  context: HostContext,
  program: ProgramPlan,
  tag: string,
  told: BringOptions["told"],
): Promise<Brought> {
  const at = context.now();
  told?.("start", at);
  context.emit(programEvent(context, program, "start", 0, tag));
  await askToStart(context, program);
  const ready = await waitReady(context, program, {
    tag,
    before: new Set(),
    listens: program.health !== undefined,
    at,
    toldAt: context.now(),
  });
  const generation = await readyGeneration(context, program);
  return { program, tag, action: "start", at, gapMs: undefined, old: [], generation, ...ready };
}

async function restart(
  context: HostContext,
  program: ProgramPlan,
  info: ProcessInfo,
  before: readonly ProcessView[],
  tag: string,
  told: BringOptions["told"],
): Promise<Brought> {
  const at = context.now();
  told?.("restart", at);
  context.emit(programEvent(context, program, "stop", info.pid, undefined));
  await stopProgram(context, program);
  // What the old process took to end is part of the gap, and not of the time in which the new one has to be ready.
  const startedAt = context.now();
  await askToStart(context, program);
  const toldAt = context.now();
  const listens = program.health !== undefined || before.some((process) => process.accepts);
  const ready = await waitReady(context, program, { tag, before: keysOf(before), listens, at: startedAt, toldAt });
  const generation = await readyGeneration(context, program);
  const readyMs = startedAt - at + ready.readyMs;
  return { program, tag, action: "restart", at, old: [...before], generation, ...ready, readyMs, gapMs: readyMs };
}

async function reload(
  context: HostContext,
  program: ProgramPlan,
  info: ProcessInfo,
  before: readonly ProcessView[],
  tag: string,
  ask: Exclude<Ask, { by: "restart" }>,
  told: BringOptions["told"],
): Promise<Brought> {
  const fds = await fdsBefore(program, before);
  const at = context.now();
  told?.("reload", at);
  let generation: ProcessName | undefined;
  if (ask.by === "keeper") generation = await reloadKept(context, program, info.pid);
  else if (ask.by === "signal") await sendSignal(context, program, info.pid, ask.signal);
  else context.emit(programEvent(context, program, "wait until it notices", info.pid, undefined));
  // A keeper's answer is part of what the program takes.
  const toldAt = ask.by === "signal" ? context.now() : at;
  const listens = program.health !== undefined || before.some((process) => process.accepts);
  const expected = { pid: info.pid, start: info.start };
  const mustBeNew = releaseRun(before) === tag;
  const awaited = {
    tag,
    before: keysOf(before),
    listens,
    mustBeNew,
    ...{ at, toldAt },
    expected,
    fdsBefore: fds,
    ...holdOf(context, program, tag, ask, info.pid),
  };
  const ready = await waitReady(context, program, awaited);
  const old = oldGeneration(before, workersOf(program));
  return { program, tag, action: "reload", at, gapMs: undefined, old, generation, ...ready };
}

/** Keeps the new binary in place, and now and then offers it to a program that should have noticed it by now. */
function holdOf(context: HostContext, program: ProgramPlan, tag: string, ask: Ask, pid: number): Pick<Awaited, "hold"> {
  const { hold, offer } = STRATEGIES[program.reload.strategy];
  if (hold === undefined || ask.by !== "itself") return {};
  let patienceMs = OVERLOOKED_MS;
  let offerAt = context.now() + patienceMs;
  return {
    hold: async (isNoticed) => {
      await hold(context, program, tag);
      if (isNoticed || offer === undefined || context.now() < offerAt) return;
      context.emit(programEvent(context, program, "offer it once more", pid, undefined));
      offerIfRoom(context, program, () => offer(context, program, tag));
      patienceMs *= 2;
      offerAt = context.now() + patienceMs;
    },
  };
}

/** Without room for a copy it may be noticed all the same, and who is not may still be started anew. */
function offerIfRoom({ emit }: HostContext, { name }: ProgramPlan, offer: () => void): void {
  try {
    offer();
  } catch (error) {
    if (!isOutOfRoom(error)) throw error;
    emit({ event: "warning", text: `${name}: the disk has no room to offer it its binary once more` });
  }
}

/** The main process that a keeper has just started; undefined: there is no keeper, or it can not be asked. */
async function readyGeneration({ layout }: HostContext, program: ProgramPlan): Promise<ProcessName | undefined> {
  if (!isKept(program)) return undefined;
  return (await keeperState(layout.keeperSocket(program.name)))?.generations.findLast(({ stage }) => stage === "ready");
}

async function sendSignal(context: HostContext, program: ProgramPlan, pid: number, signal: string): Promise<void> {
  await refuseUnsafeSignal(context, program, pid);
  context.emit(programEvent(context, program, `signal ${signal}`, pid, undefined));
  await context.supervisor.signalProcess(program.process, signal);
  moment("program: signalled");
}

function keysOf(processes: readonly ProcessView[]): Set<ProcessKey> {
  return new Set(processes.map(processKey));
}
