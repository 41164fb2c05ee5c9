/** The wait until the old generation has gone, and what is done about one that does not go. */
import type { HostContext } from "../context.ts";
import { isKept, pastDrainOf } from "../core/presets.ts";
import { openConnections } from "../io/process/connections.ts";
import { keeperState } from "../kept/client.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { Brought } from "./bring.ts";
import { isAlive } from "./settle.ts";
import { POLL_INTERVAL_MS } from "./supervised.ts";

/** An old process that is ended gets this long after TERM, as from a keeper. */
const LAST_CHANCE_MS = 2_000;
/** Until whoever ends it, the keeper or this agent, has done so; the keeper's limit counts from a little later. */
const END_MARGIN_MS = 6_000;

/** Between two counts of what is open, and how many times longer than one of them that is at least. */
const COUNT_INTERVAL_MS = 250;
const COUNT_SHARE = 20;

export interface Drained {
  /** From the signal until the last old process was gone; undefined: it still drains. */
  readonly oldGoneMs: number | undefined;
  readonly draining: number;
  /** Connections that were open at the limit; undefined: nobody was late, or this user can not tell. */
  readonly connections: number | undefined;
  /** Processes that did not go by themselves. */
  readonly ended: number;
}

/** Of a program that was left as it was. */
export const NOTHING_TO_DRAIN: Drained = { oldGoneMs: undefined, draining: 0, connections: undefined, ended: 0 };

type Old = Brought["old"];

/**
 * Waits until no process of the old generation lives, at most for the drain limit, or until nobody wants to know. What
 * lives on then is ended or left, as deploy.yml has it.
 */
export async function waitDrained(context: HostContext, brought: Brought, over: AbortSignal): Promise<Drained> {
  const { program, old, at } = brought;
  const isEnding = pastDrainOf(program) === "end";
  const deadline = at + program.reload.drainMs;
  let connections: number | undefined;
  let late = old.filter(isAlive);
  for (let nextCount = context.now(); ; ) {
    const left = late.filter(isAlive);
    if (left.length === 0) {
      // Its keeper may have been quicker than this look.
      const wasEnded = isEnding && isKept(program) && late.length > 0 && context.now() > deadline;
      return gone(context, brought, wasEnded ? late.length : 0, wasEnded ? connections : undefined);
    }
    late = left;
    if (over.aborted) return { ...NOTHING_TO_DRAIN, draining: left.length };
    if (context.now() >= nextCount) {
      const began = context.now();
      connections = (await connectionsOf(context, program, late)) ?? connections;
      // With 100,000 connections a count takes its time.
      nextCount = context.now() + Math.max(COUNT_INTERVAL_MS, COUNT_SHARE * (context.now() - began));
    }
    if (context.now() > deadline) break;
    await context.sleep(POLL_INTERVAL_MS);
  }
  if (isEnding) await endLate(context, program, late, over);
  else connections = (await connectionsOf(context, program, late)) ?? connections;
  const left = late.filter(isAlive);
  // What is to be left may go by itself all the same.
  const ended = isEnding ? late.length - left.length : 0;
  if (left.length === 0) return gone(context, brought, ended, connections);
  return { oldGoneMs: undefined, draining: left.length, connections, ended };
}

function gone(context: HostContext, { old, at }: Brought, ended: number, connections: number | undefined): Drained {
  return { oldGoneMs: old.length === 0 ? undefined : context.now() - at, draining: 0, connections, ended };
}

async function connectionsOf({ layout }: HostContext, program: ProgramPlan, late: Old): Promise<number | undefined> {
  const own = openConnections(late.map(({ pid }) => pid));
  if (own !== undefined || !isKept(program)) return own;
  const generations = (await keeperState(layout.keeperSocket(program.name)))?.generations ?? [];
  const draining = generations.flatMap(({ connections }) => (connections === undefined ? [] : [connections]));
  return draining.length === 0 ? undefined : draining.reduce((sum, count) => sum + count, 0);
}

/** A keeper does it by itself; a process of another user is left where this one has no right to end it. */
async function endLate(context: HostContext, program: ProgramPlan, late: Old, over: AbortSignal): Promise<void> {
  const isOwn = !isKept(program);
  const began = context.now();
  let sent: NodeJS.Signals | undefined;
  while (late.some(isAlive) && !over.aborted && context.now() - began < END_MARGIN_MS) {
    const due: NodeJS.Signals = context.now() - began < LAST_CHANCE_MS ? "SIGTERM" : "SIGKILL";
    if (isOwn && due !== sent && !late.filter(isAlive).every(({ pid }) => sendTo(pid, due))) return;
    sent = due;
    await context.sleep(POLL_INTERVAL_MS);
  }
}

/** False: this user has not the right to. */
function sendTo(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EPERM";
  }
}
