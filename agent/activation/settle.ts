/** After ready: the watch for a crash loop, and the wait until the old generation has gone. */
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { type ProcessView, processKey } from "../core/generation.ts";
import { probeOnce } from "../io/http/probe.ts";
import { moment } from "../io/moment.ts";
import { readProcess } from "../io/process/processes.ts";
import type { Brought } from "./bring.ts";
import { viewProgram } from "./program-view.ts";

/** How often a program is looked at while it is watched. */
export const WATCH_INTERVAL_MS = 250;
/** One failed probe may be a hiccup; as many in a row are a release that is not healthy. */
export const WATCH_PROBE_FAILURES = 3;
/** A worker may be replaced (gunicorn's max_requests, say); all of them as often as this, within a watch, is a crash loop. */
export const WATCH_WORKER_LIVES = 3;

/**
 * Watches a program for its `watch` window: by supervisor's own record (pid and start time; RUNNING alone hides a crash
 * loop), by the workers of a master, which lives on when they crash, and by its health check. Throws `crashed` or `unhealthy`.
 */
export async function watchProgram(context: HostContext, brought: Brought): Promise<void> {
  const { program } = brought;
  const deadline = brought.at + brought.readyMs + program.watchMs;
  const workers = new Map<string, ProcessView>();
  let failures = 0;
  // At least one look: while other programs were brought up, this one's window may have passed.
  do {
    await context.sleep(Math.min(WATCH_INTERVAL_MS, Math.max(deadline - context.now(), 1)));
    await checkRecord(context, brought);
    await checkWorkers(context, brought, workers);
    moment("watch: looked");
    const probe = program.health ? await probeOnce(program.health) : undefined;
    failures = probe === undefined || probe.ok ? 0 : failures + 1;
    if (probe && failures >= WATCH_PROBE_FAILURES) {
      const lastProbe = probe.error ?? `status ${probe.status}`;
      throw new AgentError({ reason: "unhealthy", program: program.name, timeoutMs: program.watchMs, lastProbe });
    }
  } while (context.now() < deadline);
}

async function checkRecord({ supervisor }: HostContext, { program, info, generation }: Brought): Promise<void> {
  const now = await supervisor.getProcessInfo(program.process);
  if (generation !== undefined && !isAlive(generation)) {
    const detail = `pid ${generation.pid} ended after it was ready`;
    throw new AgentError({ reason: "crashed", program: program.name, state: now.statename, detail });
  }
  if (now.statename === "RUNNING" && now.pid === info.pid && now.start === info.start) return;
  const detail = now.pid !== 0 && now.pid !== info.pid ? `pid ${info.pid} ended after it was ready` : now.spawnerr;
  throw new AgentError({ reason: "crashed", program: program.name, state: now.statename, detail });
}

/** `seen`: every worker since the program was ready. One that is busy accepts nothing for a moment, and lives. */
async function checkWorkers(context: HostContext, brought: Brought, seen: Map<string, ProcessView>): Promise<void> {
  const { program, info, at } = brought;
  for (const process of await viewProgram(context, program, info.pid)) {
    if (process.accepts && !process.supervised) seen.set(processKey(process), process);
  }
  const alive = [...seen.values()].filter(isAlive).length;
  const ended = seen.size - alive;
  if (ended < WATCH_WORKER_LIVES * Math.max(alive, 1)) return;
  const detail = `${ended} of its workers ended within ${Math.round((context.now() - at) / 1000)} s`;
  throw new AgentError({ reason: "crashed", program: program.name, state: info.statename, detail });
}

/** The very process, and no zombie. */
export function isAlive(process: { readonly pid: number; readonly startTicks: number }): boolean {
  const found = readProcess(process.pid);
  return (
    found !== undefined &&
    !found.isZombie &&
    processKey({ pid: found.pid, startTicks: found.startTicks }) === processKey(process)
  );
}
