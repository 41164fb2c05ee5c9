/**
 * A program as supervisor has it: waited for, started and stopped, with supervisor's own traps taken care of.
 *
 * - Every wait ends: with a state that stays, or with the time that the program's section grants and a margin.
 * - EXITED is believed only when it lasts: with autorestart it is a state on the way to STARTING (process.py, transition()).
 * - A program that is where it was asked to go already is no failure.
 */
import type { HostContext } from "../context.ts";
import { isDown, stepOf } from "../core/decision.ts";
import { AgentError, failureOf, isSupervisorAway } from "../core/failure.ts";
import { moment } from "../io/moment.ts";
import { FAULT, faultCode } from "../io/supervisor/supervisor.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProcessInfo } from "../wire/program.ts";
import { refuseUnsafeSignal } from "./rights.ts";

/** How long a program may stay STARTING or STOPPING beyond what its section grants, until that counts as stuck. */
export const TRANSITION_TIMEOUT_MS = 30_000;
/** How often supervisor, /proc and the health check are asked while something is awaited. */
export const POLL_INTERVAL_MS = 40;
/** Each question wakes supervisord's loop, and each turn of it restarts what is to be restarted. */
const LOOKS_AT_EXITED = 3;

/** How long a supervisord that has gone is waited for where there is nothing better to do: whoever restarts it needs a while. */
export const SUPERVISOR_RETURN_MS = 30_000;
const SUPERVISOR_POLL_MS = 500;

/** Tries again while supervisord is away: killed, restarting, or stopped; for so long from when it is first found so. */
export async function whenSupervised<T>(context: HostContext, work: () => Promise<T>): Promise<T> {
  let deadline: number | undefined;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      deadline ??= context.now() + SUPERVISOR_RETURN_MS;
      if (!isSupervisorAway(failureOf(error)) || context.now() > deadline) throw error;
    }
    await context.sleep(SUPERVISOR_POLL_MS);
  }
}

/** What supervisor says of a program; fails with `program-unknown` where it knows none of that name, or no longer does. */
export async function infoOf({ supervisor }: HostContext, { name, process }: ProgramPlan): Promise<ProcessInfo> {
  try {
    return await supervisor.getProcessInfo(process);
  } catch (error) {
    if (faultCode(error) !== FAULT.BAD_NAME) throw error;
    throw new AgentError({ reason: "program-unknown", program: name, process }, error);
  }
}

/** Waits out STARTING and STOPPING, refuses UNKNOWN, and changes nothing. Resolves with RUNNING, BACKOFF or a state that is down. */
export async function restingInfo(context: HostContext, program: ProgramPlan): Promise<ProcessInfo> {
  const timeoutMs = TRANSITION_TIMEOUT_MS + (program.startSeconds + program.stopSeconds) * 1000;
  const deadline = context.now() + timeoutMs;
  for (;;) {
    const info = await lastingInfo(context, program);
    const step = stepOf(info.statename);
    if (step === "start" || step === "reload" || step === "stop-then-start") return info;
    if (step === "refuse") {
      throw new AgentError({ reason: "program-state-unknown", program: program.name, pid: info.pid });
    }
    if (context.now() > deadline) {
      const detail = `supervisor says ${info.statename}`;
      throw new AgentError({ reason: "not-ready", program: program.name, timeoutMs, detail });
    }
    await context.sleep(POLL_INTERVAL_MS);
  }
}

/** The same, with BACKOFF's attempts ended: supervisor answers ALREADY_STARTED to a start between two of them. */
export async function settledInfo(context: HostContext, program: ProgramPlan): Promise<ProcessInfo> {
  for (;;) {
    const info = await restingInfo(context, program);
    if (stepOf(info.statename) !== "stop-then-start") return info;
    await askToStop(context, program);
    await context.sleep(POLL_INTERVAL_MS);
  }
}

/** Asks for a start; what supervisor refuses at once (no such file, not executable) is `start-failed`. */
export async function askToStart(context: HostContext, program: ProgramPlan): Promise<void> {
  try {
    await context.supervisor.startProcess(program.process);
    moment("program: start asked for");
  } catch (error) {
    if (faultCode(error) === FAULT.ALREADY_STARTED) return;
    if (!(error instanceof AgentError) || error.failure.reason !== "supervisor-fault") throw error;
    const { text } = error.failure;
    throw new AgentError({ reason: "start-failed", program: program.name, state: "STOPPED", detail: text }, error);
  }
}

/** Stops a program and waits until supervisor holds no process of it and makes no new one. */
export async function stopProgram(context: HostContext, program: ProgramPlan): Promise<void> {
  const timeoutMs = TRANSITION_TIMEOUT_MS + program.stopSeconds * 1000;
  const deadline = context.now() + timeoutMs;
  let isAsked = false;
  for (;;) {
    const info = await lastingInfo(context, program);
    if (isDown(info.statename)) return;
    if (!isAsked && info.statename !== "STOPPING") {
      await refuseUnsafeSignal(context, program, info.pid);
      isAsked = await askToStop(context, program);
    }
    if (context.now() > deadline) {
      throw new AgentError({ reason: "stop-timeout", program: program.name, pid: info.pid, timeoutMs });
    }
    await context.sleep(POLL_INTERVAL_MS);
  }
}

/** False: it had ended by itself since it was looked at, and supervisor may be about to start it again. */
async function askToStop(context: HostContext, program: ProgramPlan): Promise<boolean> {
  try {
    await context.supervisor.stopProcess(program.process);
    moment("program: stop asked for");
    return true;
  } catch (error) {
    if (faultCode(error) !== FAULT.NOT_RUNNING) throw error;
    return false;
  }
}

/** supervisor's answer, asked again while it says EXITED and might not mean it. */
async function lastingInfo(context: HostContext, program: ProgramPlan): Promise<ProcessInfo> {
  let info = await infoOf(context, program);
  for (let look = 1; info.statename === "EXITED" && look < LOOKS_AT_EXITED; look++) {
    await context.sleep(POLL_INTERVAL_MS);
    info = await infoOf(context, program);
  }
  return info;
}
