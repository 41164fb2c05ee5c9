/** A program that was added before its first release can not start. Stopped, it says so plainly until the first deploy. */
import type { HostContext } from "../context.ts";
import { isDown } from "../core/decision.ts";
import { FAULT, faultCode } from "../io/supervisor/supervisor.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProcessInfo } from "../wire/program.ts";

const POLL_INTERVAL_MS = 40;
/** supervisord starts what was added within one turn of its loop, which takes a second at most. */
const START_TIMEOUT_MS = 5_000;

/** Waits for supervisor's own first try, and ends the series. What is still going on when the time is up goes on. */
export async function stopUntilDeployed(context: HostContext, program: ProgramPlan): Promise<void> {
  const deadline = context.now() + START_TIMEOUT_MS + program.stopSeconds * 1000;
  const startDeadline = context.now() + START_TIMEOUT_MS;
  for (;;) {
    const info = await context.supervisor.getProcessInfo(program.process);
    const isWaiting = program.autostart && wasNeverStarted(info) && context.now() < startDeadline;
    if (!isWaiting && isDown(info.statename)) return;
    if (!isWaiting && info.statename !== "STOPPING") await stop(context, program);
    if (context.now() > deadline) return;
    await context.sleep(POLL_INTERVAL_MS);
  }
}

function wasNeverStarted(info: ProcessInfo): boolean {
  return info.statename === "STOPPED" && info.start === 0;
}

async function stop({ supervisor }: HostContext, program: ProgramPlan): Promise<void> {
  try {
    await supervisor.stopProcess(program.process);
  } catch (error) {
    if (faultCode(error) !== FAULT.NOT_RUNNING) throw error;
  }
}
