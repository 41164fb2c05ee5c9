/**
 * One activation on one host: flip, start or reload each program, prove, then keep, or put the old release back.
 *
 * - Nothing is flipped before every program's release passed its pre-flight and the ledger says what is about to happen.
 * - From the flip on it does not depend on anybody listening, and ends in kept, reverted or stuck.
 * - The ledger calls the release good only after every program was proved and watched.
 */
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { releaseRun } from "../core/generation.ts";
import { releaseRecords } from "../core/ledger.ts";
import { flipCurrent, readCurrent } from "../io/current.ts";
import { readLedger, reserveLedgerSpace } from "../io/ledger-file.ts";
import { markLog } from "../io/program-log.ts";
import type { ActivationReport, ProgramReport } from "../protocol.ts";
import { Activation, type ActivationOrder, type Before, failureOf } from "./activation.ts";
import { type Brought, bringProgram, provedAlready } from "./bring.ts";
import { measureProgram } from "./measure.ts";
import { preflightRelease } from "./preflight.ts";
import { viewProgram } from "./program-view.ts";
import { finish, reportProgram, weakestProof } from "./report.ts";
import { revert } from "./revert.ts";
import { NOTHING_TO_DRAIN, waitDrained, watchProgram } from "./settle.ts";
import { settledInfo } from "./supervised.ts";

export async function activate(context: HostContext, order: ActivationOrder): Promise<ActivationReport> {
  const current = readCurrent(context.layout);
  const previous = order.why === "recovery" ? order.from : current;
  const activation = new Activation(context, order, previous, await surveyPrograms(context));
  if (current === order.tag && (await isUnchanged(activation))) return finish(activation, "unchanged");
  await preflightRelease(context, order.tag);
  for (const { program, info } of activation.befores) {
    if (info.statename === "RUNNING") activation.measure(program, await measureProgram(context, program));
  }
  if (order.gone.aborted) {
    await activation.stopMeters();
    throw new AgentError({ reason: "interrupted" });
  }
  return flipAndProve(activation);
}

async function flipAndProve(activation: Activation): Promise<ActivationReport> {
  const { context, order, previous, reports } = activation;
  reserveLedgerSpace(context.layout);
  activation.announce({ event: "activating", why: order.why, ...(previous === undefined ? {} : { from: previous }) });
  try {
    context.emit({ event: "phase", phase: "flip", detail: order.tag });
    // Counted as flipped from here: a rename that failed half-way through its fsync is reverted like any other.
    activation.step("flipped");
    flipCurrent(context.layout, order.tag);
    const brought = await bringAll(activation);
    activation.step("taken");
    await settleAll(activation, brought);
    activation.step("proved");
  } catch (error) {
    return revert(activation, failureOf(error));
  }
  const evidence = reports.flatMap((report) => report.evidence.map((text) => `${report.name}: ${text}`));
  activation.record({ event: "good", proof: weakestProof(reports), evidence, ms: activation.elapsedMs });
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
  const reports: ProgramReport[] = [];
  for (const before of befores) {
    const brought = await provedAlready(context, before.program, before.info, order.tag);
    if (brought === undefined) return false;
    reports.push(reportProgram(before, brought, NOTHING_TO_DRAIN, undefined));
  }
  activation.reports.push(...reports);
  return true;
}

async function bringAll(activation: Activation): Promise<Brought[]> {
  const { context, order, befores } = activation;
  const brought: Brought[] = [];
  for (const { program } of befores) {
    activation.markMeter(program);
    brought.push(await bringProgram(context, program, { tag: order.tag, reload: "if-needed" }));
  }
  return brought;
}

/** Watches all programs, and meanwhile waits for their old generations to go. */
async function settleAll(activation: Activation, brought: readonly Brought[]): Promise<void> {
  const { context, befores } = activation;
  const over = new AbortController();
  const drains = brought.map((one) => waitDrained(context, one, over.signal));
  try {
    for (const one of brought) await watchProgram(context, one);
  } catch (error) {
    over.abort();
    throw error;
  }
  for (const [index, before] of befores.entries()) {
    const [one, drained] = [brought[index], await drains[index]];
    if (!one || !drained) continue;
    activation.reports.push(reportProgram(before, one, drained, await activation.stopMeter(before.program)));
  }
}
