/**
 * Back to what was there before the flip, verified like a deploy.
 *
 * - Nothing that goes wrong on the way (a ledger that can not be written, a log that can not be read) ends it early.
 * - A program that was down before is down afterwards; one that provably runs the old release already is left alone.
 * - It is tried once. What can not be proved then is for a person to look at.
 */
import { isDown } from "../core/decision.ts";
import { flipCurrent, removeCurrent } from "../io/current.ts";
import { linesSince } from "../io/program-log.ts";
import type { ActivationReport, AgentFailure } from "../protocol.ts";
import { type Activation, type Before, failureOf } from "./activation.ts";
import { bringProgram } from "./bring.ts";
import { finish, reportProgram } from "./report.ts";
import { waitDrained } from "./settle.ts";
import { STRATEGIES } from "./strategies.ts";
import { stopProgram } from "./supervised.ts";

export async function revert(activation: Activation, failure: AgentFailure): Promise<ActivationReport> {
  const { context, order, previous, befores } = activation;
  activation.step("failed");
  context.emit({ event: "phase", phase: "revert", detail: previous ?? "nothing was deployed before" });
  const log = befores.flatMap(({ program, log: mark }) =>
    linesSince(mark).map((line) => ({ program: program.name, line })),
  );
  activation.record({ event: "bad", reason: failure.reason });
  activation.reports.length = 0;
  try {
    await putBack(activation);
    activation.step("proved");
  } catch (error) {
    activation.step("failed");
    const revertFailure = failureOf(error);
    activation.record({ event: "stuck", reason: revertFailure.reason });
    return finish(activation, "stuck", { failure, revertFailure, log });
  }
  activation.record({ event: "reverted", ...(previous === undefined ? {} : { to: previous }) });
  context.emit({ event: "phase", phase: "reverted", detail: previous ?? order.tag });
  return finish(activation, "reverted", { failure, log });
}

async function putBack(activation: Activation): Promise<void> {
  const { context, previous, befores } = activation;
  if (previous === undefined) {
    removeCurrent(context.layout);
    for (const { program } of befores) await stopProgram(context, program);
    return;
  }
  // Supervisor may be starting a program again this very moment: its slot must hold the old binary before that.
  for (const { program } of befores) STRATEGIES[program.reload.strategy].prepare(context, program, previous);
  flipCurrent(context.layout, previous);
  for (const before of befores) {
    if (isDown(before.info.statename)) await stopProgram(context, before.program);
    else await bringBack(activation, before, previous);
  }
}

async function bringBack(activation: Activation, before: Before, previous: string): Promise<void> {
  const { context } = activation;
  const brought = await bringProgram(context, before.program, { tag: previous, reload: "if-needed" });
  const drained = await waitDrained(context, brought, new AbortController().signal);
  activation.reports.push(reportProgram(before, brought, drained, await activation.stopMeter(before.program)));
}
