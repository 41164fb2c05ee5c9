/** After ready: the watch for a crash loop. */
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { type ProcessView, processKey, workerLifeMs } from "../core/generation.ts";
import { lastFlip } from "../io/current.ts";
import { probeOnce } from "../io/http/probe.ts";
import { moment } from "../io/moment.ts";
import { ageMs, readProcess } from "../io/process/processes.ts";
import type { Brought } from "./bring.ts";
import { viewProgram } from "./program-view.ts";
import { infoOf } from "./supervised.ts";

/** How often a program is looked at while it is watched. */
export const WATCH_INTERVAL_MS = 250;
/** One failed probe may be a hiccup; as many in a row are a release that is not healthy. */
export const WATCH_PROBE_FAILURES = 3;
/** A worker may be replaced; all of them as often as this, within a watch and beyond what those of before were, is a crash loop. */
export const WATCH_WORKER_LIVES = 3;

/**
 * Watches a program for its `watch` window: by supervisor's own record (pid and start time; RUNNING alone hides a crash
 * loop), by the workers of a master, which lives on when they crash, and by its health check. Throws `crashed` or `unhealthy`.
 * `lifeMs`: how long the workers of before lived, where the server replaces them by itself.
 */
export async function watchProgram(context: HostContext, brought: Brought, lifeMs: number | undefined): Promise<void> {
  const { program } = brought;
  const deadline = brought.isWatched === true ? context.now() : brought.at + brought.readyMs + program.watchMs;
  const parts = (brought.parts ?? [brought]).map((part) => ({ part, workers: new Map<string, ProcessView>() }));
  let failures = 0;
  // At least one look: while other programs were brought up, this one's window may have passed.
  do {
    await context.sleep(Math.min(WATCH_INTERVAL_MS, Math.max(deadline - context.now(), 1)));
    for (const { part, workers } of parts) {
      await checkRecord(context, part);
      await checkWorkers(context, part, workers, lifeMs);
    }
    moment("watch: looked");
    const probe = program.health ? await probeOnce(program.health) : undefined;
    failures = probe === undefined || probe.ok ? 0 : failures + 1;
    if (probe && failures >= WATCH_PROBE_FAILURES) {
      const lastProbe = probe.error ?? `status ${probe.status}`;
      const watchedMs = Math.max(Math.round(context.now() - brought.at - brought.readyMs), 0);
      const watched = { timeoutMs: program.watchMs, watchedMs };
      throw new AgentError({ reason: "unhealthy", program: program.name, ...watched, lastProbe });
    }
    // What failed at the very end is looked at until that was a hiccup, or was none.
  } while (context.now() < deadline || failures > 0);
}

async function checkRecord(context: HostContext, { program, info, generation }: Brought): Promise<void> {
  const now = await infoOf(context, program);
  if (generation !== undefined && !isAlive(generation)) {
    const detail = `pid ${generation.pid} ended after it was ready`;
    throw new AgentError({ reason: "crashed", program: program.name, state: now.statename, detail });
  }
  if (now.statename === "RUNNING" && now.pid === info.pid && now.start === info.start) return;
  const detail = now.pid !== 0 && now.pid !== info.pid ? `pid ${info.pid} ended after it was ready` : now.spawnerr;
  throw new AgentError({ reason: "crashed", program: program.name, state: now.statename, detail });
}

/**
 * `seen`: every worker since the program was ready. One that is busy accepts nothing for a moment, and lives. `lifeMs`: of
 * the workers of before, which the server replaced by itself; undefined: it did not.
 */
async function checkWorkers(
  context: HostContext,
  brought: Brought,
  seen: Map<string, ProcessView>,
  lifeMs: number | undefined,
): Promise<void> {
  const { program, info, at } = brought;
  for (const process of await viewProgram(context, program, info.pid)) {
    if (process.accepts && !process.supervised) seen.set(processKey(process), process);
  }
  const alive = [...seen.values()].filter(isAlive).length;
  const ended = seen.size - alive;
  const elapsedMs = context.now() - at;
  const lives = WATCH_WORKER_LIVES * (1 + (lifeMs === undefined ? 0 : elapsedMs / lifeMs));
  if (ended < lives * Math.max(alive, 1)) return;
  const detail = `${ended} of its workers ended within ${Math.round(elapsedMs / 1000)} s`;
  throw new AgentError({ reason: "crashed", program: program.name, state: info.statename, detail });
}

/**
 * How long its workers live, where the server replaces them by itself: nobody has asked for new ones since the last flip, or
 * supervisor's last start, whichever came later.
 */
export function lifeOfWorkers(context: HostContext, processes: readonly ProcessView[]): number | undefined {
  const master = processes.find(({ supervised }) => supervised);
  const flippedAt = lastFlip(context.layout);
  if (master === undefined || flippedAt === undefined) return undefined;
  const ages = processes.filter(({ supervised, accepts }) => accepts && !supervised).map(ageMs);
  return workerLifeMs(ages, Math.min(ageMs(master), context.date().getTime() - flippedAt.getTime()));
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
