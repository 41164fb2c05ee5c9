/**
 * A reload through the keeper: it is asked, and answers when the new generation accepts, or why it never will. The old
 * generation is the keeper's to spare: nothing here restarts anything.
 */
import { programEvent } from "../activation/ready.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { probeOnce } from "../io/http/probe.ts";
import type { ControlReply } from "../keeper/wire.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { abortReload, conversation } from "./client.ts";
import { readyLimitMs } from "./spec.ts";

/** Beyond the keeper's own limits, until it counts as silent. */
const MARGIN_MS = 5_000;
/** The request that asks a program to reload. */
const REQUEST_TIMEOUT_MS = 10_000;

/** One process for ever, within one boot. */
export interface ProcessName {
  readonly pid: number;
  readonly startTicks: number;
}

type Failed = Extract<ControlReply, { event: "failed" }>;

/** Gives the new generation's main process, once the keeper calls it ready. Throws `crashed`, `not-ready` or `start-failed`; the keeper then waits for nothing more. */
export async function reloadKept(context: HostContext, program: ProgramPlan, keeperPid: number): Promise<ProcessName> {
  const path = context.layout.keeperSocket(program.name);
  const readyMs = readyLimitMs(program.health);
  // A reload waits until the generation before the last has drained.
  const silenceMs = readyMs + program.reload.drainMs + MARGIN_MS;
  const tell = (did: string) => context.emit(programEvent(context, program, did, keeperPid, undefined));
  let isHeard = false;
  let failed: Failed | undefined;
  try {
    for await (const reply of conversation(path, "reload", silenceMs)) {
      isHeard = true;
      if (reply.event === "queued") tell("waits for the last reload to drain");
      if (reply.event === "started") {
        tell(wordsOf(program));
        await askByRequest(program);
      }
      if (reply.event === "failed") failed = reply;
      if (failed !== undefined) break;
      if (reply.event === "ready") return { pid: reply.pid, startTicks: reply.startTicks };
    }
  } catch (error) {
    await abortReload(path);
    throw error;
  }
  // The keeper has given it up by itself.
  if (failed !== undefined) throw new AgentError(failureOf(program, failed, readyMs));
  await abortReload(path);
  const detail = isHeard ? "its keeper stopped answering" : `its keeper does not answer on ${path}`;
  throw new AgentError({ reason: "not-ready", program: program.name, timeoutMs: silenceMs, detail });
}

function wordsOf({ reload: { strategy, signal, url } }: ProgramPlan): string {
  if (strategy === "http") return `GET ${url ?? ""}`;
  return strategy === "socket" ? "start beside the old" : `signal ${signal ?? ""}`;
}

/** Once: each further request would start another successor. */
async function askByRequest({ name, reload: { url } }: ProgramPlan): Promise<void> {
  if (url === undefined) return;
  const asked = await probeOnce({
    ...{ http: url, status: [], meterRate: 0 },
    ...{ timeoutMs: REQUEST_TIMEOUT_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS },
  });
  if (asked.ok) return;
  const detail = `GET ${url}: ${asked.error ?? `status ${asked.status}`}`;
  throw new AgentError({ reason: "not-ready", program: name, timeoutMs: REQUEST_TIMEOUT_MS, detail });
}

/** `reason`: ReloadFailure of the keeper; a newer one may know more. */
function failureOf({ name, reload }: ProgramPlan, failed: Failed, timeoutMs: number): AgentFailure {
  const program = name;
  const more = failed.detail === undefined ? "" : `: ${failed.detail}`;
  switch (failed.reason) {
    case "not-ready":
      return { reason: "not-ready", program, timeoutMs, detail: `the new process does not accept${more}` };
    case "no-successor":
      return { reason: "not-ready", program, timeoutMs, detail: `${asking(reload)}, it started no new process${more}` };
    case "exited":
    case "ended":
      return { reason: "crashed", program, state: "RUNNING", detail: `the new process ended${endOf(failed)}${more}` };
    case "stopping":
      return { reason: "crashed", program, state: "STOPPING", detail: "it is being stopped" };
    default:
      return { reason: "start-failed", program, state: "RUNNING", detail: `${failed.reason}${more}` };
  }
}

function asking({ strategy, signal, url }: ProgramPlan["reload"]): string {
  return strategy === "http" ? `asked by GET ${url ?? ""}` : `asked by ${signal ?? "its keeper"}`;
}

function endOf({ status }: Failed): string {
  if (status === undefined || status === "unknown") return "";
  return "code" in status ? ` with exit status ${status.code}` : ` by signal ${status.signal}`;
}
