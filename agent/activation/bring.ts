/**
 * Brings one program onto the release that `current` names: start or reload, then wait until that is proved.
 *
 * - What is done depends on supervisor's state alone (agent/core/decision.ts).
 * - Ready means: supervisor says RUNNING, every process that accepts runs the release, and the health check agrees.
 * - A process that dies, or a pid that changes where it must not, ends the wait at once.
 */
import type { HostContext } from "../context.ts";
import { isDown, stepOf } from "../core/decision.ts";
import { AgentError } from "../core/failure.ts";
import {
  type GenerationAnswer,
  judgeGeneration,
  oldGeneration,
  type ProcessKey,
  type ProcessView,
  processKey,
  releaseRun,
} from "../core/generation.ts";
import { type ProbeResult, probeOnce } from "../io/probe.ts";
import type { ProcessInfo, ProgramPlan, ProgramReport } from "../protocol.ts";
import { viewProgram } from "./program-view.ts";
import { STRATEGIES } from "./strategies.ts";

/** How long a program without a health check may take until it is ready. */
export const READY_TIMEOUT_MS = 30_000;
/** How long a program may stay STARTING or STOPPING beyond what its section grants, until that counts as stuck. */
export const TRANSITION_TIMEOUT_MS = 30_000;
/** How often supervisor, /proc and the health check are asked while something is awaited. */
export const POLL_INTERVAL_MS = 40;

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
  /** The old generation, by key; drained when none of them lives. */
  readonly old: readonly ProcessView[];
  readonly proof: ProgramReport["proof"];
  readonly evidence: readonly string[];
}

export interface BringOptions {
  readonly tag: string;
  /** `if-needed`: a program that provably runs the release already is left alone. `always`: it is reloaded all the same. */
  readonly reload: "if-needed" | "always";
  /** Overrides the strategy by stop and start. */
  readonly restart?: boolean;
}

export async function bringProgram(
  context: HostContext,
  program: ProgramPlan,
  options: BringOptions,
): Promise<Brought> {
  const strategy = STRATEGIES[program.reload.strategy];
  strategy.prepare(context, program, options.tag);
  const info = await settledInfo(context, program);
  if (isDown(info.statename)) return start(context, program, options.tag);
  if (options.reload === "if-needed" && options.restart !== true) {
    const already = await provedAlready(context, program, info, options.tag);
    if (already) return already;
  }
  const before = await viewProgram(context, program, info.pid);
  const signal = options.restart === true ? undefined : strategy.signal(program);
  if (signal === undefined) return restart(context, program, info, before, options.tag);
  return reload(context, program, info, before, options.tag, signal);
}

/** Waits out STARTING and STOPPING, ends BACKOFF's attempts, refuses UNKNOWN. Resolves with RUNNING or a state that is down. */
export async function settledInfo(context: HostContext, program: ProgramPlan): Promise<ProcessInfo> {
  const deadline = context.now() + TRANSITION_TIMEOUT_MS + (program.startSeconds + program.stopSeconds) * 1000;
  let hasStopped = false;
  for (;;) {
    const info = await context.supervisor.getProcessInfo(program.process);
    const step = stepOf(info.statename);
    if (step === "refuse")
      throw new AgentError({ reason: "program-state-unknown", program: program.name, pid: info.pid });
    if (step === "start" || step === "reload") return info;
    if (step === "stop-then-start" && !hasStopped) {
      hasStopped = true;
      await context.supervisor.stopProcess(program.process);
    }
    if (context.now() > deadline) {
      throw new AgentError({
        reason: "not-ready",
        program: program.name,
        timeoutMs: TRANSITION_TIMEOUT_MS,
        detail: `supervisor says ${info.statename}`,
      });
    }
    await context.sleep(POLL_INTERVAL_MS);
  }
}

/** The proof that a running program serves the release as it is; undefined where that can not be proved. */
export async function provedAlready(
  context: HostContext,
  program: ProgramPlan,
  info: ProcessInfo,
  tag: string,
): Promise<Brought | undefined> {
  const processes = await viewProgram(context, program, info.pid);
  const question = { wanted: tag, before: keysOf(processes), listens: program.health !== undefined, mustBeNew: false };
  const answer = judgeGeneration(processes, question);
  if (answer.kind !== "proved") return undefined;
  if (program.health && !(await probeOnce(program.health)).ok) return undefined;
  const at = context.now();
  return {
    ...{ program, tag, action: "none", info, at, readyMs: 0, gapMs: undefined, old: [], proof: "processes" },
    evidence: answer.evidence,
  };
}

async function start(context: HostContext, program: ProgramPlan, tag: string): Promise<Brought> {
  const at = context.now();
  context.emit(programEvent(context, program, "start", 0, tag));
  await startProcess(context, program);
  const ready = await waitReady(context, program, {
    tag,
    before: new Set(),
    listens: program.health !== undefined,
    at,
  });
  return { program, tag, action: "start", at, gapMs: undefined, old: [], ...ready };
}

/** supervisor answers NO_FILE, NOT_EXECUTABLE and the like at once (rpcinterface.py, startProcess). */
async function startProcess(context: HostContext, program: ProgramPlan): Promise<void> {
  try {
    await context.supervisor.startProcess(program.process);
  } catch (error) {
    if (!(error instanceof AgentError) || error.failure.reason !== "supervisor-fault") throw error;
    const { text } = error.failure;
    throw new AgentError({ reason: "start-failed", program: program.name, state: "STOPPED", detail: text }, error);
  }
}

async function restart(
  context: HostContext,
  program: ProgramPlan,
  info: ProcessInfo,
  before: readonly ProcessView[],
  tag: string,
): Promise<Brought> {
  const at = context.now();
  context.emit(programEvent(context, program, "stop", info.pid, undefined));
  await stopProgram(context, program);
  await startProcess(context, program);
  const listens = program.health !== undefined || before.some((process) => process.accepts);
  const ready = await waitReady(context, program, { tag, before: keysOf(before), listens, at });
  return { program, tag, action: "restart", at, gapMs: ready.readyMs, old: [...before], ...ready };
}

async function reload(
  context: HostContext,
  program: ProgramPlan,
  info: ProcessInfo,
  before: readonly ProcessView[],
  tag: string,
  signal: string,
): Promise<Brought> {
  const at = context.now();
  context.emit(programEvent(context, program, `signal ${signal}`, info.pid, undefined));
  await context.supervisor.signalProcess(program.process, signal);
  const listens = program.health !== undefined || before.some((process) => process.accepts);
  const expected = { pid: info.pid, start: info.start };
  const mustBeNew = releaseRun(before) === tag;
  const awaited = { tag, before: keysOf(before), listens, mustBeNew, at, expected };
  const ready = await waitReady(context, program, awaited);
  return { program, tag, action: "reload", at, gapMs: undefined, old: oldGeneration(before), ...ready };
}

/** Stops a program and waits until supervisor holds no process of it. Returns at once where it is down. */
export async function stopProgram(context: HostContext, program: ProgramPlan): Promise<void> {
  const first = await context.supervisor.getProcessInfo(program.process);
  if (isDown(first.statename)) return;
  if (first.statename !== "STOPPING") await context.supervisor.stopProcess(program.process);
  const timeoutMs = TRANSITION_TIMEOUT_MS + program.stopSeconds * 1000;
  const deadline = context.now() + timeoutMs;
  for (;;) {
    const info = await context.supervisor.getProcessInfo(program.process);
    if (isDown(info.statename)) return;
    if (context.now() > deadline) {
      throw new AgentError({ reason: "stop-timeout", program: program.name, pid: info.pid, timeoutMs });
    }
    await context.sleep(POLL_INTERVAL_MS);
  }
}

interface Awaited {
  readonly tag: string;
  readonly before: ReadonlySet<ProcessKey>;
  readonly listens: boolean;
  readonly mustBeNew?: boolean;
  readonly at: number;
  /** What supervisor must go on saying; absent after a start. */
  readonly expected?: { readonly pid: number; readonly start: number };
}

interface Ready {
  readonly info: ProcessInfo;
  readonly readyMs: number;
  readonly proof: ProgramReport["proof"];
  readonly evidence: readonly string[];
}

async function waitReady(context: HostContext, program: ProgramPlan, awaited: Awaited): Promise<Ready> {
  // A started program is RUNNING only after its startsecs; that time is not its own.
  const startMs = awaited.expected === undefined ? program.startSeconds * 1000 : 0;
  const timeoutMs = (program.health?.timeoutMs ?? READY_TIMEOUT_MS) + startMs;
  const deadline = awaited.at + timeoutMs;
  let readyMs: number | undefined;
  for (;;) {
    const info = await context.supervisor.getProcessInfo(program.process);
    refuseDead(program, info, awaited);
    const answer = judgeGeneration(await viewProgram(context, program, info.pid), {
      ...awaited,
      wanted: awaited.tag,
      mustBeNew: awaited.mustBeNew === true,
    });
    const isRight = answer.kind === "proved" || answer.kind === "hidden";
    const probe = isRight ? await probeIfAsked(program) : undefined;
    if (isRight && (probe?.ok ?? true)) {
      readyMs ??= context.now() - awaited.at;
      // Before startsecs have passed supervisor says STARTING, and would count an exit as a failed attempt.
      if (info.statename === "RUNNING") {
        context.emit(programEvent(context, program, "ready", info.pid, awaited.tag));
        return { info, readyMs, ...proofOf(answer, program) };
      }
    } else readyMs = undefined;
    if (context.now() > deadline) throw notReady(program, timeoutMs, answer, awaited.tag, probe);
    await context.sleep(POLL_INTERVAL_MS);
  }
}

async function probeIfAsked({ health }: ProgramPlan): Promise<ProbeResult | undefined> {
  return health === undefined ? undefined : probeOnce(health);
}

const ALIVE = new Set(["RUNNING", "STARTING"]);

function refuseDead(program: ProgramPlan, info: ProcessInfo, awaited: Awaited): void {
  const { expected } = awaited;
  const isAnother = expected !== undefined && (info.pid !== expected.pid || info.start !== expected.start);
  if (ALIVE.has(info.statename) && !isAnother) return;
  const detail =
    isAnother && info.pid !== 0 ? `pid ${expected.pid} ended, supervisor started pid ${info.pid}` : info.spawnerr;
  const reason = expected === undefined ? "start-failed" : "crashed";
  throw new AgentError({ reason, program: program.name, state: info.statename, detail });
}

function notReady(
  program: ProgramPlan,
  timeoutMs: number,
  answer: GenerationAnswer,
  want: string,
  probe: ProbeResult | undefined,
): AgentError {
  const { name } = program;
  if (answer.kind === "wrong") {
    return new AgentError({ reason: "wrong-release", program: name, pid: answer.pid, runs: answer.runs, want });
  }
  if (answer.kind === "not-yet") {
    return new AgentError({ reason: "not-ready", program: name, timeoutMs, detail: answer.because });
  }
  const lastProbe =
    probe?.error ?? (probe?.status === undefined ? "healthy, but supervisor says STARTING" : `status ${probe.status}`);
  return new AgentError({ reason: "unhealthy", program: name, timeoutMs, lastProbe });
}

function proofOf(answer: GenerationAnswer, program: ProgramPlan): Pick<Ready, "proof" | "evidence"> {
  if (answer.kind === "proved") return { proof: "processes", evidence: answer.evidence };
  const pids = answer.kind === "hidden" ? answer.pids.join(", ") : "";
  const evidence = [`pid ${pids} runs as another user and could not be looked into`];
  return { proof: program.health ? "health only" : "state only", evidence };
}

export function keysOf(processes: readonly ProcessView[]): Set<ProcessKey> {
  return new Set(processes.map(processKey));
}

export function programEvent(
  context: HostContext,
  program: ProgramPlan,
  did: string,
  pid: number,
  release: string | undefined,
) {
  const base = { event: "program", program: program.name, did, pid, atMs: Math.round(context.now()) } as const;
  return release === undefined ? base : { ...base, release };
}
