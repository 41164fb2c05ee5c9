/**
 * One activation on one host: flip, start or reload each program, prove, then keep, or put the old release back.
 *
 * - Nothing is flipped before every program's release passed its pre-flight and the ledger says what is about to happen.
 * - From the flip on it does not depend on anybody listening, and ends in kept, reverted or stuck.
 * - The ledger calls the release good only after every program was proved and watched.
 */

import type { HostContext } from "../context.ts";
import { AgentError, failureOf } from "../core/failure.ts";
import { type ProcessView, releaseRun } from "../core/generation.ts";
import { releaseRecords } from "../core/ledger.ts";
import { isKept } from "../core/presets.ts";
import type { Tried } from "../core/trace/outage.ts";
import { hookFacts, runHooks, runLaterHooks } from "../hooks/hooks.ts";
import { flipCurrent, readCurrent } from "../io/current.ts";
import { readLedger, reserveLedgerSpace } from "../io/ledger-file.ts";
import { moment } from "../io/moment.ts";
import { markLog } from "../io/program-log.ts";
import { readKept } from "../kept/spec.ts";
import { lookAtMembers } from "../members/before.ts";
import { bringWhole } from "../members/bring.ts";
import { membersOf, viewMembers } from "../members/members.ts";
import { revert } from "../revert/revert.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProcessInfo } from "../wire/program.ts";
import type { ActivationReport, ProgramReport } from "../wire/report.ts";
import { Activation, type ActivationOrder, type Before } from "./activation.ts";
import { type Brought, provedBy } from "./bring.ts";
import { type Drained, NOTHING_TO_DRAIN, waitDrained } from "./drain.ts";
import { measureProgram } from "./measure.ts";
import { preflightRelease } from "./preflight.ts";
import { viewServing } from "./program-view.ts";
import { acceptingPids } from "./ready.ts";
import { finish, provedIn, reportProgram } from "./report.ts";
import { lifeOfWorkers, watchProgram } from "./settle.ts";
import { restingInfo } from "./supervised.ts";

export async function activate(context: HostContext, order: ActivationOrder): Promise<ActivationReport> {
  const supervisorPid = await context.supervisor.getPID();
  const activation = await begin(context, order);
  try {
    if (readCurrent(context.layout) === order.tag && (await isUnchanged(activation)))
      return finish(activation, "unchanged");
    moment("activation: programs looked at");
    if (order.preflightMs === undefined) await preflightRelease(context, order.tag, order.why, order.gone);
    moment("activation: release checked");
    activation.lap("preflight", order.preflightMs);
    const facts = hookFacts(activation, "before_activate");
    if (await runHooks(activation.context, facts, order.gone)) activation.lap("hooks");
    for (const { program, info } of activation.befores) {
      if (info.statename === "RUNNING") activation.measure(program, await measureProgram(context, program));
    }
    moment("meter: baseline taken");
    activation.lap("baseline");
    await refuseOtherWorld(context, supervisorPid);
    if (order.gone.aborted) throw new AgentError({ reason: "interrupted" });
    reserveLedgerSpace(context.layout);
    activation.announce(activation.beginning());
  } catch (error) {
    await activation.stopMeters();
    throw error;
  }
  return flipAndProve(activation);
}

/**
 * All that comes before the flip takes a while, in which supervisord may have gone, or been started anew beside what the
 * one before had left, or somebody may have taken a program from it. What is flipped then could not be put right.
 */
async function refuseOtherWorld(context: HostContext, supervisorPid: number): Promise<void> {
  const { supervisor, project } = context;
  const pid = await supervisor.getPID();
  if (pid !== supervisorPid) throw new AgentError({ reason: "supervisor-shutting-down", url: supervisor.address.url });
  for (const program of project.programs) await membersOf(context, program);
}

/** A program and its processes, looked at just now. */
export interface Seen {
  readonly program: ProgramPlan;
  readonly info: ProcessInfo;
  readonly processes: readonly ProcessView[];
}

/** The report of a release that all these programs serve already, provably; undefined: there is something to do. Only looks. */
export async function reportUnchanged(
  context: HostContext,
  tag: string,
  seen: readonly Seen[],
): Promise<ActivationReport | undefined> {
  const order = { tag, why: "deploy", gone: new AbortController().signal } as const;
  const activation = new Activation(context, order, tag, []);
  for (const { program, info, processes } of seen) {
    const proof = await provedBy(context, program, info, tag, processes);
    if (proof === undefined) return undefined;
    const was = { release: releaseRun(processes), serving: acceptingPids(processes) };
    const unknown = { log: undefined, kept: undefined, workerLifeMs: undefined };
    const before = { program, info, wasUp: true, ...was, ...unknown };
    activation.reports.push(reportProgram(before, proof, NOTHING_TO_DRAIN, undefined));
  }
  return finish(activation, "unchanged");
}

/**
 * Goes back for a dead agent that had flipped: because it had begun to, or because its release can not even be tried
 * again. `failure`: why.
 */
export async function goBack(
  context: HostContext,
  order: ActivationOrder,
  failure: AgentFailure,
): Promise<ActivationReport> {
  const activation = await begin(context, order);
  for (const { program } of activation.befores) activation.asked.add(program);
  activation.step("flipped");
  activation.recorder.resumed();
  return revert(activation, failure);
}

async function begin(context: HostContext, order: ActivationOrder): Promise<Activation> {
  const previous = order.resumed ? order.resumed.from : readCurrent(context.layout);
  return new Activation(context, order, previous, await surveyPrograms(context, order.resumed?.up));
}

async function flipAndProve(activation: Activation): Promise<ActivationReport> {
  const { context, order } = activation;
  try {
    context.emit({ event: "phase", phase: "flip", detail: order.tag });
    // Counted as flipped from here: a rename that failed half-way through its fsync is reverted like any other.
    activation.step("flipped");
    activation.recorder.flipped();
    flipCurrent(context.layout, order.tag);
    const brought = await bringAll(activation);
    activation.step("taken");
    activation.lap("ready");
    activation.warnings.push(...(await runLaterHooks(context, hookFacts(activation, "after_activate"))));
    await settleAll(activation, brought);
    moment("watch: over");
    activation.warnings.push(...(await runLaterHooks(context, hookFacts(activation, "before_keep"))));
    activation.step("proved");
    activation.lap("watch");
  } catch (error) {
    return revert(activation, failureOf(error));
  }
  activation.record({ event: "good", ...provedIn(activation) });
  activation.recorder.note({ what: "kept" });
  activation.warnings.push(...(await runLaterHooks(context, hookFacts(activation, "after_keep"))));
  return finish(activation, "kept");
}

/** Only looks: until the flip a program that supervisor tries to start over and over may go on trying. */
async function surveyPrograms(context: HostContext, up: readonly string[] | undefined): Promise<Before[]> {
  const befores: Before[] = [];
  for (const program of context.project.programs) {
    if (program.members !== undefined) {
      befores.push(await lookAtMembers(context, program, up));
      continue;
    }
    const info = await restingInfo(context, program);
    const processes = await viewServing(context, program, info.pid);
    const wasUp = up === undefined ? info.statename === "RUNNING" : up.includes(program.name);
    const kept = isKept(program) ? readKept(program, context.layout) : undefined;
    const was = { release: releaseRun(processes), serving: acceptingPids(processes) };
    const workers = { workerLifeMs: lifeOfWorkers(context, processes) };
    befores.push({ program, info, wasUp, ...was, ...workers, log: markLog(program.process, info), kept });
  }
  return befores;
}

/** Whether every program runs, provably on the release that is asked for. Then there is nothing to do. */
async function isUnchanged(activation: Activation): Promise<boolean> {
  const { context, befores, order } = activation;
  if (befores.some((before) => before.info.statename !== "RUNNING" || before.release !== order.tag)) return false;
  const record = releaseRecords(readLedger(context.layout).entries).get(order.tag);
  if (record?.verdict !== "good") return false;
  const reports: ProgramReport[] = [];
  for (const before of befores) {
    const processes = await viewMembers(context, await membersOf(context, before.program));
    const brought = await provedBy(context, before.program, before.info, order.tag, processes);
    if (brought === undefined) return false;
    reports.push(reportProgram(before, brought, NOTHING_TO_DRAIN, undefined));
  }
  activation.reports.push(...reports);
  return true;
}

async function bringAll(activation: Activation): Promise<Brought[]> {
  const { context, order, befores } = activation;
  const brought: Brought[] = [];
  for (const { program, members } of befores) {
    activation.markMeter(program);
    activation.asked.add(program);
    const up = members?.filter(({ wasUp }) => wasUp).length;
    const told = (action: Tried["action"], at: number) => activation.tried.set(program, { action, at });
    const one = await bringWhole(context, program, { tag: order.tag, reload: "if-needed", up, told });
    const tried = activation.tried.get(program);
    if (tried !== undefined) activation.tried.set(program, { ...tried, readyAt: one.at + one.readyMs });
    brought.push(one);
  }
  return brought;
}

/** Watches all programs at once, and meanwhile waits for their old generations to go. */
async function settleAll(activation: Activation, brought: readonly Brought[]): Promise<void> {
  const { context, befores } = activation;
  const watchMs = Math.max(...brought.map(({ program }) => program.watchMs));
  if (watchMs > 0) context.emit({ event: "phase", phase: "watch", detail: `for ${watchMs / 1000} s` });
  const over = new AbortController();
  try {
    const drains = Promise.all(brought.map((one) => waitDrained(context, one, over.signal)));
    const watches = brought.map((one, index) => watchProgram(context, one, befores[index]?.workerLifeMs));
    const [drained] = await Promise.all([drains, ...watches]);
    for (const [index, before] of befores.entries()) {
      const [one, drain] = [brought[index], drained[index]];
      if (one && drain) await tellSettled(activation, before, one, drain);
    }
  } finally {
    over.abort();
  }
}

async function tellSettled(activation: Activation, before: Before, brought: Brought, drained: Drained): Promise<void> {
  const { program, at } = brought;
  noteDrained(activation, program, at, drained);
  activation.reports.push(reportProgram(before, brought, drained, await activation.stopMeter(program)));
  activation.warnings.push(...lateWords(program, drained));
}

function noteDrained({ recorder }: Activation, { name }: ProgramPlan, at: number, { oldGoneMs, ended }: Drained): void {
  if (oldGoneMs === undefined) return;
  const detail = ended === 0 ? {} : { detail: `${ended} had to be ended` };
  recorder.note({ what: "drained", program: name, ...detail }, at + oldGoneMs);
}

function lateWords({ name, reload: { drainMs } }: ProgramPlan, { draining, connections, ended }: Drained): string[] {
  const limit = `${drainMs / 1000} s`;
  const open = connections === undefined ? "" : ` with ${connections} open connections`;
  const left = `${name}: ${draining} of its old processes still drain after ${limit}${open}, and answer on the connections that they keep alive`;
  const gone = `${name}: ${ended} of its old processes had not drained after ${limit}, and were ended${open}`;
  return [...(draining > 0 ? [left] : []), ...(ended > 0 ? [gone] : [])];
}
