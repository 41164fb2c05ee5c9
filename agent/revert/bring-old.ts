/** One program back onto the release that it ran: by its own way of reloading where that works, else by stop and start. */

import type { Before } from "../activation/activation.ts";
import { type Brought, bringProgram, provedAlready, provedBy } from "../activation/bring.ts";
import { viewProgram } from "../activation/program-view.ts";
import { infoOf, settledInfo } from "../activation/supervised.ts";
import type { HostContext } from "../context.ts";
import { isDown } from "../core/decision.ts";
import { AgentError } from "../core/failure.ts";
import { isGradual, PRESETS } from "../core/presets.ts";
import { probeOnce } from "../io/http/probe.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { ProgramPlan } from "../wire/plan.ts";

/** One look may find all of its workers busy. */
const LOOKS_AT_OLD = 20;
const LOOK_PAUSE_MS = 100;
/** Before another stop and start. */
const RESTART_PAUSE_MS = 1_000;

/**
 * Stopped and started as long as the program may drain: an orphan of the generation that failed may finish its requests
 * with the port in its hands, and supervisor, quicker than us, may have started what failed once more.
 */
export async function bringOld(context: HostContext, before: Before, tag: string): Promise<Brought> {
  const { program, kept } = before;
  const isTrying = isGradual(program);
  const reload = isTrying ? "always" : "if-needed";
  const bring = (restart: boolean) => bringProgram(context, program, { tag, reload, restart, kept });
  let failure: AgentError | undefined;
  try {
    const already = await servesAnew(context, before, tag);
    if (typeof already === "object") return already;
    if (!already && !(await isDeaf(context, program))) return await bring(false);
  } catch (error) {
    failure = requireRestartable(error);
    const serves = isTrying ? await servesStill(context, program, tag) : undefined;
    if (serves !== undefined) return serves;
  }
  let deadline: number | undefined;
  for (;;) {
    try {
      return await bring(true);
    } catch (error) {
      const again = requireRestartable(error);
      // Not before: what hangs may take longer to stop than it may drain, and one start alone finds its orphan at the port.
      deadline ??= context.now() + program.reload.drainMs;
      if (context.now() > deadline) throw failure ?? again;
    }
    await context.sleep(RESTART_PAUSE_MS);
  }
}

/**
 * The old release, where it answers all the same: its master has heard, and waits for a worker that hangs until its own
 * patience ends. A restart would only add a gap.
 */
async function servesStill(context: HostContext, program: ProgramPlan, tag: string): Promise<Brought | undefined> {
  for (let look = 0; look < LOOKS_AT_OLD; look++) {
    const info = await infoOf(context, program);
    const brought = info.statename === "RUNNING" ? await provedAlready(context, program, info, tag) : undefined;
    if (brought !== undefined) return brought;
    await context.sleep(LOOK_PAUSE_MS);
  }
  return undefined;
}

/** The failure, where a stop and start may mend it; anything else is thrown on. */
function requireRestartable(error: unknown): AgentError {
  if (error instanceof AgentError && TAKES_A_RESTART.has(error.failure.reason)) return error;
  throw error;
}

const TAKES_A_RESTART: ReadonlySet<AgentFailure["reason"]> = new Set([
  "start-failed",
  "crashed",
  "not-ready",
  "not-reloaded",
  "unhealthy",
  "wrong-release",
]);

/**
 * Whether supervisor has started the program by itself since the flip, from what failed: then it is not reloaded, since a
 * master of that release (overseer's) would serve the old one, prove it, and crash afterwards. Where the old release was
 * started, that is the answer.
 */
async function servesAnew(
  context: HostContext,
  { program, info: before, kept }: Before,
  tag: string,
): Promise<Brought | boolean> {
  const info = await settledInfo(context, program);
  if (isDown(info.statename) || (info.pid === before.pid && info.start === before.start)) return false;
  const processes = await viewProgram(context, program, info.pid);
  const master = processes.find(({ supervised }) => supervised)?.release;
  if (master !== undefined && master !== tag) return true;
  return (await provedBy(context, program, info, tag, processes, kept)) ?? true;
}

/** Whether nothing of the program serves, and its library would not hear of another reload before its own time is up. */
async function isDeaf(context: HostContext, program: ProgramPlan): Promise<boolean> {
  const { preset, strategy } = program.reload;
  const isHandover = strategy === "handover" || strategy === "http";
  if (preset === undefined ? !isHandover : PRESETS[preset].hearsWhileHung) return false;
  const info = await infoOf(context, program);
  const processes = await viewProgram(context, program, info.pid);
  if (processes.some(({ accepts }) => accepts)) return false;
  if (!processes.some(({ denied }) => denied)) return true;
  return program.health !== undefined && (await probeOnce(program.health)).status === undefined;
}
