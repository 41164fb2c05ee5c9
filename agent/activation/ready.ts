/**
 * The wait until a program is ready on a release.
 *
 * - Ready means: supervisor says RUNNING, every process that accepts runs the release, and the health check agrees.
 * - A process that dies, or a pid that changes where it must not, ends the wait at once.
 */
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import {
  type GenerationAnswer,
  type GenerationQuestion,
  isNew,
  judgeGeneration,
  mayStillAccept,
  type ProcessKey,
  type ProcessView,
  processKey,
  rememberAccepting,
  workersLost,
} from "../core/generation.ts";
import { isGradual, keepsWorkers, replacesWorkers } from "../core/presets.ts";
import { type ProbeResult, probeOnce } from "../io/http/probe.ts";
import { moment } from "../io/moment.ts";
import { openConnections } from "../io/process/connections.ts";
import { inspectProcesses } from "../io/process/inspect.ts";
import { addressesOf } from "../io/process/servers.ts";
import { type FdsBefore, withoutCopies } from "../kept/copies.ts";
import type { AgentEvent } from "../protocol.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProcessInfo } from "../wire/program.ts";
import type { ProgramReport } from "../wire/report.ts";
import { viewProgram } from "./program-view.ts";
import { proofUnavailable } from "./rights.ts";
import { infoOf } from "./supervised.ts";

/** How long a program without a health check may take until it is ready. */
export const READY_TIMEOUT_MS = 30_000;
/** overseer's File fetcher: its shortest interval twice, until the file rests, and its sanity check, 5 s at most each. */
const NOTICE_MS = 12_000;
/** How long an old process that may only be busy must not be seen to accept, where old ones serve until their turn comes. */
const UNSEEN_MS = 1_000;
/**
 * Of a master that keeps its old workers until the new ones are up: one that stays without any is over. gunicorn's waits half a
 * minute for workers that have ended already, where they crash together as they load (arbiter.py, reap_workers, stop).
 */
const DESERTED_MS = 5_000;
/** Pauses between looks. A look at all processes costs some 10 ms of CPU: most reloads are over at once, the rest can wait. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 150;

export interface Awaited {
  readonly tag: string;
  readonly before: ReadonlySet<ProcessKey>;
  readonly listens: boolean;
  readonly mustBeNew?: boolean;
  /** Moment of the signal or start: what is told counts from here. */
  readonly at: number;
  /** When supervisord had done it, from where on the program has its time; absent: at once. */
  readonly toldAt?: number;
  /** What supervisor must go on saying; absent after a start. */
  readonly expected?: { readonly pid: number; readonly start: number };
  /** Of a program whose old process keeps a copy of its socket: what it accepted by. */
  readonly fdsBefore?: FdsBefore;
  /** How it is looked at; absent: as the one process that supervisor has of it. */
  readonly look?: () => Promise<{ readonly info: ProcessInfo; readonly processes: readonly ProcessView[] }>;
  /** Of a program that was told nothing, and looks for its new binary in its own time: keeps that in place, until it is noticed too. */
  readonly hold?: (isNoticed: boolean) => Promise<void>;
}

export interface Ready {
  readonly info: ProcessInfo;
  /** Pids of the processes that accept. */
  readonly serving: readonly number[];
  readonly readyMs: number;
  readonly proof: ProgramReport["proof"];
  readonly evidence: readonly string[];
}

export async function waitReady(context: HostContext, program: ProgramPlan, awaited: Awaited): Promise<Ready> {
  // A started program is RUNNING only after its startsecs; that time is not its own.
  const startMs = awaited.expected === undefined ? program.startSeconds * 1000 : 0;
  const timeoutMs = (program.health?.timeoutMs ?? READY_TIMEOUT_MS) + startMs;
  let isNoticed = awaited.hold === undefined;
  let deadline = (awaited.toldAt ?? awaited.at) + timeoutMs + (isNoticed ? 0 : NOTICE_MS);
  let readyMs: number | undefined;
  const seen = new Set<ProcessKey>();
  const workers = new Set<ProcessKey>();
  let desertedAt: number | undefined;
  const question = { ...awaited, wanted: awaited.tag, mustBeNew: awaited.mustBeNew === true };
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    await awaited.hold?.(isNoticed);
    const { info, processes: looked } = await (awaited.look?.() ?? lookAt(context, program, awaited));
    const processes = rememberAccepting(withBusy(looked, question), seen, question);
    if (!isNoticed && !stillServes(processes, awaited.before)) {
      isNoticed = true;
      deadline = Math.min(deadline, context.now() + timeoutMs);
    }
    const answer = judgeGeneration(processes, question);
    const isEnough = answer.kind === "hidden" && context.project.proof === "best";
    const isRight = answer.kind === "proved" || isEnough;
    if (isRight) moment("program: processes proved");
    const probe = isRight ? await probeIfAsked(program) : undefined;
    if (isRight && (probe?.ok ?? true)) {
      const nowMs = context.now() - awaited.at;
      readyMs ??= nowMs;
      const isOver = !isGradual(program) || !mayStillAccept(processes, question) || nowMs >= readyMs + UNSEEN_MS;
      // Before startsecs have passed supervisor says STARTING, and would count an exit as a failed attempt.
      if (info.statename === "RUNNING" && isOver) {
        moment("program: ready");
        context.emit(programEvent(context, program, "ready", info.pid, awaited.tag));
        return { info, serving: acceptingPids(processes), readyMs, ...proofOf(answer, program) };
      }
    } else readyMs = undefined;
    const lost = replacesWorkers(program) ? workersLost(looked, workers, question) : undefined;
    if (lost !== undefined) {
      throw crashed(program, info, `${lost} of its new workers ended before one was ready`);
    }
    const isDeserted = awaited.expected !== undefined && keepsWorkers(program) && isMasterAlone(looked);
    desertedAt = isDeserted ? (desertedAt ?? context.now()) : undefined;
    if (desertedAt !== undefined && context.now() >= desertedAt + DESERTED_MS) {
      throw crashed(program, info, `its master has had no worker for ${DESERTED_MS / 1000} s`);
    }
    if (context.now() > deadline) {
      const limits = { timeoutMs, ...(startMs === 0 ? {} : { startMs }) };
      const listens = probe?.isRefused === true ? await listeningAt(processes) : [];
      const old = processes.filter((process) => awaited.before.has(processKey(process))).map(({ pid }) => pid);
      const outcome = { want: awaited.tag, hasNew: seen.size > 0, isNoticed, old };
      throw notReady(program, limits, answer, outcome, probe, listens);
    }
    await context.sleep(pauseMs);
  }
}

export function acceptingPids(processes: readonly ProcessView[]): number[] {
  return processes.filter(({ accepts }) => accepts).map(({ pid }) => pid);
}

function crashed({ name: program }: ProgramPlan, { statename: state }: ProcessInfo, detail: string): AgentError {
  return new AgentError({ reason: "crashed", program, state, detail });
}

const isMasterAlone = (processes: readonly ProcessView[]) =>
  processes.length > 0 && processes.every(({ supervised }) => supervised);

/**
 * A server under load may be busy in each of our looks. A new process that has connections has accepted them: nobody else
 * could, since its master does not. Of old ones that says nothing: they may only be finishing.
 */
function withBusy(processes: readonly ProcessView[], question: GenerationQuestion): readonly ProcessView[] {
  if (processes.some(({ accepts }) => accepts)) return processes;
  return processes.map((process) => {
    const isNewWorker = process.holds && !process.supervised && isNew(process, question);
    return isNewWorker && (openConnections([process.pid]) ?? 0) > 0 ? { ...process, accepts: true } : process;
  });
}

async function lookAt(context: HostContext, program: ProgramPlan, awaited: Awaited) {
  const info = await infoOf(context, program);
  refuseDead(program, info, awaited);
  const processes = await viewProgram(context, program, info.pid);
  const { fdsBefore } = awaited;
  return { info, processes: fdsBefore === undefined ? processes : await withoutCopies(processes, fdsBefore) };
}

function stillServes(processes: readonly ProcessView[], before: ReadonlySet<ProcessKey>): boolean {
  return processes.some((process) => process.accepts && before.has(processKey(process)));
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

/** Where they listen, of all that can be looked into. */
async function listeningAt(processes: readonly ProcessView[]): Promise<string[]> {
  const found = await inspectProcesses(
    processes.map(({ pid }) => pid),
    [],
  );
  return [...new Set(found.flatMap(addressesOf))];
}

interface Limits {
  readonly timeoutMs: number;
  readonly startMs?: number;
}

interface Outcome {
  readonly want: string;
  /** A process of the new release has accepted at some time. */
  readonly hasNew: boolean;
  readonly isNoticed: boolean;
  /** Pids of those that were there before. */
  readonly old: readonly number[];
}

function notReady(
  program: ProgramPlan,
  limits: Limits,
  answer: GenerationAnswer,
  { want, hasNew, isNoticed, old }: Outcome,
  probe: ProbeResult | undefined,
  listens: string[],
): AgentError {
  const { name } = program;
  if (!isNoticed) {
    const detail = "the old process goes on, it has not noticed the new binary";
    return new AgentError({ reason: "not-ready", program: name, timeoutMs: limits.timeoutMs + NOTICE_MS, detail });
  }
  if (isGradual(program) && !hasNew && (answer.kind === "wrong" || answer.kind === "not-yet")) {
    const detail = "the old processes go on, no new one has taken their place";
    return new AgentError({ reason: "not-ready", program: name, ...limits, detail });
  }
  if (answer.kind === "wrong") {
    const { pid, runs } = answer;
    const wasThere = !hasNew && old.includes(pid) ? { wasThere: true } : {};
    return new AgentError({ reason: "wrong-release", program: name, pid, runs, want, ...wasThere });
  }
  if (answer.kind === "hidden" && probe === undefined && answer.pids[0] !== undefined) {
    return proofUnavailable(program, answer.pids[0]);
  }
  if (answer.kind === "not-yet") {
    return new AgentError({ reason: "not-ready", program: name, ...limits, detail: answer.because });
  }
  const lastProbe =
    probe?.error ?? (probe?.status === undefined ? "healthy, but supervisor says STARTING" : `status ${probe.status}`);
  const elsewhere = listens.length === 0 ? {} : { listens };
  return new AgentError({ reason: "unhealthy", program: name, ...limits, lastProbe, ...elsewhere });
}

function proofOf(answer: GenerationAnswer, program: ProgramPlan): Pick<Ready, "proof" | "evidence"> {
  if (answer.kind === "proved") return { proof: "processes", evidence: answer.evidence };
  const pids = answer.kind === "hidden" ? answer.pids.join(", ") : "";
  const evidence = [
    `what pid ${pids} runs could not be told: it is another user's, or was not started through current`,
  ];
  return { proof: program.health ? "health only" : "state only", evidence };
}

export function programEvent(
  context: HostContext,
  program: ProgramPlan,
  did: string,
  pid: number,
  release: string | undefined,
): AgentEvent {
  const base = { event: "program", program: program.name, did, pid, atMs: Math.round(context.now()) } as const;
  return release === undefined ? base : { ...base, release };
}
