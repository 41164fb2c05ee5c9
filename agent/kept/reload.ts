/**
 * A reload through the keeper: it is asked, and answers when the new generation accepts, or why it never will. The old
 * generation is the keeper's to spare: nothing here restarts anything.
 */
import { programEvent } from "../activation/ready.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { probeOnce } from "../io/http/probe.ts";
import { moment } from "../io/moment.ts";
import type { ControlReply } from "../keeper/wire.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { abortReload, conversation, keeperState, tellAsked } from "./client.ts";
import { readyLimitMs } from "./spec.ts";

/** Beyond the keeper's own limits, until it counts as silent. */
const MARGIN_MS = 5_000;
/** The request that asks a program to reload. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A redirect leads to a page for people, and reloads nothing. */
const SUCCESS = [200, 201, 202, 203, 204, 205, 206] as const;

/** One process for ever, within one boot. */
export interface ProcessName {
  readonly pid: number;
  readonly startTicks: number;
}

type Failed = Extract<ControlReply, { event: "failed" }>;

/**
 * Gives the new generation's main process, once the keeper calls it ready. Throws `crashed`, `not-ready`, `not-reloaded` or
 * `start-failed`; the keeper then waits for nothing more.
 */
export async function reloadKept(context: HostContext, program: ProgramPlan, keeperPid: number): Promise<ProcessName> {
  const path = context.layout.keeperSocket(program.name);
  const readyMs = readyLimitMs(program.health);
  // A reload waits until the generation before the last has drained.
  const silenceMs = readyMs + program.reload.drainMs + MARGIN_MS;
  const tell = (did: string) => context.emit(programEvent(context, program, did, keeperPid, undefined));
  const asking = new AbortController();
  let refusal: string | undefined;
  let isHeard = false;
  let isStarted = false;
  let failed: Failed | undefined;
  const askOnce = async () => {
    const answer = await askByUrl(program, asking.signal);
    if (answer === "heard") await tellAsked(path);
    if (typeof answer !== "object") return;
    // Nothing comes of it: the keeper need not wait, and answers the reload as aborted.
    refusal = answer.refusal;
    await abortReload(path);
  };
  try {
    for await (const reply of conversation(path, "reload", silenceMs)) {
      isHeard = true;
      if (reply.event === "queued") tell("waits for the last reload to drain");
      if (reply.event === "started") {
        isStarted = true;
        tell(wordsOf(program));
        moment("keeper: reload begun");
        void askOnce();
      }
      if (reply.event === "failed") failed = reply;
      if (failed !== undefined) break;
      if (reply.event === "ready") moment("keeper: new generation ready");
      if (reply.event === "ready") return { pid: reply.pid, startTicks: reply.startTicks };
    }
  } finally {
    asking.abort();
  }
  if (refusal !== undefined) {
    throw new AgentError({ reason: "not-reloaded", program: program.name, detail: refusal });
  }
  // The keeper has given it up by itself.
  if (failed !== undefined) throw new AgentError(failureOf(program, failed, readyMs));
  const draining = isHeard && !isStarted ? await drainingPids(path) : [];
  await abortReload(path);
  if (draining.length > 0) {
    const detail = `the generation before still drains (pid ${draining.join(", ")}), and its library hands over to one at a time`;
    throw new AgentError({ reason: "not-reloaded", program: program.name, detail });
  }
  const detail = isHeard ? "its keeper stopped answering" : `its keeper does not answer on ${path}`;
  throw new AgentError({ reason: "not-ready", program: program.name, timeoutMs: silenceMs, detail });
}

async function drainingPids(path: string): Promise<number[]> {
  const generations = (await keeperState(path))?.generations ?? [];
  return generations.filter(({ draining }) => draining).map(({ pid }) => pid);
}

function wordsOf({ reload: { strategy, signal, url } }: ProgramPlan): string {
  if (strategy === "http") return `GET ${url ?? ""}`;
  return strategy === "socket" ? "start beside the old" : `signal ${signal ?? ""}`;
}

/**
 * Asks a program by its URL, once, as each further request would start another successor. `refusal`: why it has certainly
 * started none: nobody heard, or the answer is no success. `unknown`: it may have, and the keeper will see: a request that
 * hangs, or whose connection is cut, may have been obeyed; or it is not asked by a URL.
 */
async function askByUrl(
  { reload: { url } }: ProgramPlan,
  abort: AbortSignal,
): Promise<"heard" | "unknown" | { readonly refusal: string }> {
  if (url === undefined) return "unknown";
  const health = { http: url, status: [...SUCCESS], meterRate: 0, timeoutMs: REQUEST_TIMEOUT_MS };
  const asked = await probeOnce({ ...health, requestTimeoutMs: REQUEST_TIMEOUT_MS }, abort);
  if (asked.ok) return "heard";
  const isUnknown = asked.status === undefined && asked.isRefused !== true;
  return isUnknown ? "unknown" : { refusal: `GET ${url}: ${asked.error ?? ""}` };
}

/** `reason`: ReloadFailure of the keeper; a newer one may know more. */
function failureOf({ name, reload }: ProgramPlan, failed: Failed, timeoutMs: number): AgentFailure {
  const program = name;
  const more = failed.detail === undefined ? "" : `: ${failed.detail}`;
  switch (failed.reason) {
    case "not-ready":
      return { reason: "not-ready", program, timeoutMs, detail: `the new process does not accept${more}` };
    case "no-successor":
      return { reason: "not-reloaded", program, detail: `${asking(reload)}, it started no new process${more}` };
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
