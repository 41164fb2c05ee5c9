/**
 * One activation on one host: flip, start or reload each program, prove, then keep, or put the old release back.
 *
 * - Nothing is flipped before every program's release passed its pre-flight and the ledger says what is about to happen.
 * - From the flip on it does not depend on anybody listening, and ends in kept, reverted or stuck.
 * - A revert is verified like a deploy; one that fails is not tried again.
 * - The ledger calls the release good only after every program was proved and watched.
 */
import { randomBytes } from "node:crypto";
import type { HostContext } from "../context.ts";
import { type ActivationState, advance } from "../core/activation-state.ts";
import { isDown } from "../core/decision.ts";
import { AgentError } from "../core/failure.ts";
import { releaseRun } from "../core/generation.ts";
import { releaseRecords } from "../core/ledger.ts";
import { flipCurrent, readCurrent, removeCurrent } from "../io/current.ts";
import { appendLedger, readLedger, reserveLedgerSpace } from "../io/ledger-file.ts";
import { type LogMark, linesSince, markLog } from "../io/program-log.ts";
import type { ActivationReport, AgentFailure, ProcessInfo, ProgramPlan, ProgramReport } from "../protocol.ts";
import { type Brought, bringProgram, provedAlready, settledInfo, stopProgram } from "./bring.ts";
import { type Measured, measureProgram } from "./measure.ts";
import { preflightRelease } from "./preflight.ts";
import { viewProgram } from "./program-view.ts";
import { waitDrained, watchProgram } from "./settle.ts";
import { STRATEGIES } from "./strategies.ts";

export interface ActivationOrder {
  readonly tag: string;
  readonly why: "deploy" | "rollback" | "recovery";
  /** What to go back to, where that is not what `current` names now (recovery). */
  readonly from?: string;
  /** Before the flip, the end of the session undoes; after it, it changes nothing. */
  readonly gone: AbortSignal;
}

/** What a program was before anything was done. */
interface Before {
  readonly program: ProgramPlan;
  readonly info: ProcessInfo;
  readonly release: string | undefined;
  readonly log: LogMark | undefined;
}

/** One activation under way. */
class Activation {
  readonly id = randomBytes(8).toString("hex");
  readonly context: HostContext;
  readonly order: ActivationOrder;
  readonly previous: string | undefined;
  readonly befores: readonly Before[];
  readonly measured = new Map<string, Measured>();
  readonly reports: ProgramReport[] = [];
  readonly warnings: string[] = [];
  readonly startedAt: number;
  state: ActivationState = "STAGED";

  constructor(context: HostContext, order: ActivationOrder, previous: string | undefined, befores: readonly Before[]) {
    this.context = context;
    this.order = order;
    this.previous = previous;
    this.befores = befores;
    this.startedAt = context.now();
  }
}

export async function activate(context: HostContext, order: ActivationOrder): Promise<ActivationReport> {
  const current = readCurrent(context.layout);
  const previous = order.from ?? current;
  const befores = await surveyPrograms(context);
  const activation = new Activation(context, order, previous, befores);
  if (current === order.tag && (await isUnchanged(activation))) return finish(activation, "unchanged");
  await preflightRelease(context, order.tag);
  for (const before of befores) {
    if (before.info.statename === "RUNNING")
      activation.measured.set(before.program.name, await measureProgram(context, before.program));
  }
  if (order.gone.aborted) {
    await stopMeters(activation);
    throw new AgentError({ reason: "interrupted" });
  }
  return flipAndProve(activation);
}

async function flipAndProve(activation: Activation): Promise<ActivationReport> {
  const { context, order } = activation;
  reserveLedgerSpace(context.layout);
  appendLedger(context.layout, {
    ...entryBase(activation),
    event: "activating",
    why: order.why,
    ...(activation.previous === undefined ? {} : { from: activation.previous }),
  });
  try {
    context.emit({ event: "phase", phase: "flip", detail: order.tag });
    // Counted as flipped from here: a rename that failed half-way through its fsync is reverted like any other.
    activation.state = advance(activation.state, "flipped");
    flipCurrent(context.layout, order.tag);
    const brought = await bringAll(activation);
    activation.state = advance(activation.state, "taken");
    await settleAll(activation, brought);
    activation.state = advance(activation.state, "proved");
  } catch (error) {
    return revert(activation, failureOf(error));
  }
  const proof = weakestProof(activation.reports);
  const evidence = activation.reports.flatMap((report) => report.evidence.map((text) => `${report.name}: ${text}`));
  const ms = Math.round(context.now() - activation.startedAt);
  try {
    appendLedger(context.layout, { ...entryBase(activation), event: "good", proof, evidence, ms });
  } catch (error) {
    // It serves and was proved; the next command finds the activation without an end, proves it again and writes it down.
    activation.warnings.push(
      `the ledger could not be written (${failureOf(error).reason}): free some space on the host`,
    );
  }
  return finish(activation, "kept");
}

async function surveyPrograms(context: HostContext): Promise<Before[]> {
  const befores: Before[] = [];
  for (const program of context.project.programs) {
    const info = await settledInfo(context, program);
    const processes = await viewProgram(context, program, info.pid);
    befores.push({ program, info, release: releaseRun(processes), log: markLog(info) });
  }
  return befores;
}

/** Whether every program runs, provably on the release that is asked for. Then there is nothing to do. */
async function isUnchanged(activation: Activation): Promise<boolean> {
  const { context, befores, order } = activation;
  if (befores.some((before) => before.info.statename !== "RUNNING" || before.release !== order.tag)) return false;
  const record = releaseRecords(readLedger(context.layout).entries).get(order.tag);
  if (record?.verdict !== "good") return false;
  for (const before of befores) {
    const brought = await provedAlready(context, before.program, before.info, order.tag);
    if (brought === undefined) return false;
    activation.reports.push(reportOf(before, brought, undefined, undefined));
  }
  return true;
}

async function bringAll(activation: Activation): Promise<Brought[]> {
  const brought: Brought[] = [];
  for (const before of activation.befores) {
    activation.measured.get(before.program.name)?.mark();
    brought.push(
      await bringProgram(activation.context, before.program, { tag: activation.order.tag, reload: "if-needed" }),
    );
  }
  return brought;
}

async function settleAll(activation: Activation, brought: readonly Brought[]): Promise<void> {
  const { context } = activation;
  const watched = new AbortController();
  const drains = brought.map((one) => waitDrained(context, one, watched.signal));
  try {
    for (const one of brought) await watchProgram(context, one);
  } catch (error) {
    watched.abort();
    throw error;
  }
  for (const [index, one] of brought.entries()) {
    const drained = await drains[index];
    const meter = await activation.measured.get(one.program.name)?.stop();
    activation.measured.delete(one.program.name);
    const before = activation.befores.find((candidate) => candidate.program === one.program);
    if (before) activation.reports.push(reportOf(before, one, drained, meter));
  }
}

/** Back to what was there before: flip back, each program as it was, all of it verified. */
async function revert(activation: Activation, failure: AgentFailure): Promise<ActivationReport> {
  const { context, order, previous } = activation;
  activation.state = advance(activation.state, "failed");
  context.emit({ event: "phase", phase: "revert", detail: previous ?? "nothing was deployed before" });
  const log = activation.befores.flatMap((before) =>
    linesSince(before.log).map((line) => ({ program: before.program.name, line })),
  );
  appendLedger(context.layout, { ...entryBase(activation), event: "bad", reason: failure.reason });
  activation.reports.length = 0;
  try {
    await putBack(activation);
    activation.state = advance(activation.state, "proved");
  } catch (error) {
    activation.state = advance(activation.state, "failed");
    const revertFailure = failureOf(error);
    appendLedger(context.layout, { ...entryBase(activation), event: "stuck", reason: revertFailure.reason });
    return finish(activation, "stuck", { failure, revertFailure, log });
  }
  appendLedger(context.layout, {
    ...entryBase(activation),
    event: "reverted",
    ...(previous === undefined ? {} : { to: previous }),
  });
  context.emit({ event: "phase", phase: "reverted", detail: previous ?? order.tag });
  return finish(activation, "reverted", { failure, log });
}

async function putBack(activation: Activation): Promise<void> {
  const { context, previous, befores } = activation;
  if (previous === undefined) removeCurrent(context.layout);
  else {
    // Supervisor may be starting the program again this very moment: the slot must hold the old binary before that.
    for (const { program } of befores) STRATEGIES[program.reload.strategy].prepare(context, program, previous);
    flipCurrent(context.layout, previous);
  }
  for (const before of befores) {
    const wasDown = isDown(before.info.statename);
    if (previous === undefined || wasDown) {
      await stopProgram(context, before.program);
      continue;
    }
    const brought = await bringProgram(context, before.program, { tag: previous, reload: "if-needed" });
    const drained = await waitDrained(context, brought, new AbortController().signal);
    const meter = await activation.measured.get(before.program.name)?.stop();
    activation.measured.delete(before.program.name);
    activation.reports.push(reportOf(before, brought, drained, meter));
  }
}

async function stopMeters(activation: Activation): Promise<void> {
  for (const measured of activation.measured.values()) await measured.stop();
  activation.measured.clear();
}

interface Ending {
  readonly failure?: AgentFailure;
  readonly revertFailure?: AgentFailure;
  readonly log?: ActivationReport["log"];
}

async function finish(
  activation: Activation,
  outcome: ActivationReport["outcome"],
  ending: Ending = {},
): Promise<ActivationReport> {
  await stopMeters(activation);
  const { context, order, previous, reports, warnings } = activation;
  const serves = currentOrUndefined(context);
  return {
    ...{ outcome, tag: order.tag, programs: reports, warnings, log: ending.log ?? [] },
    flipToDoneMs: Math.round(context.now() - activation.startedAt),
    ...(previous === undefined ? {} : { previous }),
    ...(ending.failure ? { failure: ending.failure } : {}),
    ...(ending.revertFailure ? { revertFailure: ending.revertFailure } : {}),
    ...(serves === undefined ? {} : { serves }),
  };
}

function currentOrUndefined(context: HostContext): string | undefined {
  try {
    return readCurrent(context.layout);
  } catch {
    return undefined;
  }
}

function reportOf(
  before: Before,
  brought: Brought,
  drained: { oldGoneMs: number | undefined; draining: number } | undefined,
  meter: ProgramReport["meter"],
): ProgramReport {
  const { program, action, info } = brought;
  const isIdle = action === "none";
  return {
    ...{ name: program.name, process: program.process, action, proof: brought.proof, evidence: [...brought.evidence] },
    before: { ...optional("release", before.release), pid: before.info.pid, state: before.info.statename },
    after: { ...optional("release", brought.tag), pid: info.pid, state: info.statename },
    draining: drained?.draining ?? 0,
    ...optional("readyMs", isIdle ? undefined : Math.round(brought.readyMs)),
    ...optional("gapMs", brought.gapMs === undefined ? undefined : Math.round(brought.gapMs)),
    ...optional("oldGoneMs", drained?.oldGoneMs === undefined ? undefined : Math.round(drained.oldGoneMs)),
    ...optional("meter", meter),
  };
}

/** `{[key]: value}`, or nothing where the value is undefined (exactOptionalPropertyTypes). */
function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function entryBase(activation: Activation) {
  const { context, order, id } = activation;
  return { at: context.date().toISOString(), tag: order.tag, by: context.by, activation: id };
}

const PROOF_ORDER = ["none", "state only", "health only", "processes"] as const;

function weakestProof(reports: readonly ProgramReport[]): ProgramReport["proof"] {
  let weakest: number = PROOF_ORDER.length - 1;
  for (const report of reports) weakest = Math.min(weakest, PROOF_ORDER.indexOf(report.proof));
  return PROOF_ORDER[weakest] ?? "none";
}

function failureOf(error: unknown): AgentFailure {
  if (error instanceof AgentError) return error.failure;
  return { reason: "internal", detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
