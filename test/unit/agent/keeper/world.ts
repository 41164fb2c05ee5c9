/**
 * A host for the keeper's state machine, without a host: processes that accept, crash, fork and obey, or do not. What the
 * machine wants done is done to them; what they do reaches the machine only as events, in any order and as late as the
 * test likes.
 */
import {
  type Answer,
  type Effect,
  type Event,
  initialState,
  type Member,
  type Settings,
  type State,
  type Status,
} from "../../../../agent/keeper/machine/model.ts";
import { step } from "../../../../agent/keeper/machine.ts";

export const SETTINGS: Record<"socket" | "handover", Settings> = {
  socket: {
    ...{ strategy: "socket", signal: undefined, stopSignal: "TERM", oldSignal: undefined },
    ...{ drainMs: 30_000, pastDrain: "end", readyMs: 10_000 },
  },
  handover: {
    ...{ strategy: "handover", signal: "USR2", stopSignal: "TERM", oldSignal: undefined },
    ...{ drainMs: 30_000, pastDrain: "end", readyMs: 30_000 },
  },
};

export interface FakeProcess {
  readonly pid: number;
  readonly startTicks: number;
  ppid: number;
  readonly lineage: number;
  readonly isKin: boolean;
  accepts: boolean;
  /** Until it executes the program it is what its parent is. */
  isCopy: boolean;
  /** More whenever it has waited for a child. */
  reapedFaults: number;
  /** Signals that it got, in order. */
  readonly got: string[];
}

export interface World {
  state(): State;
  readonly processes: Map<number, FakeProcess>;
  readonly timers: Map<string, number>;
  readonly answers: Map<number, Answer[]>;
  /** What was done since the last call. */
  effects(): Effect[];
  exitCode(): number | undefined;
  /** Starts that were asked for and have no outcome. */
  spawns(): number;
  lookAsked(): "no" | "some" | "all";
  send(event: Event): void;
  finishSpawn(): FakeProcess | undefined;
  failSpawn(): void;
  fork(parent: FakeProcess, isKin: boolean): FakeProcess;
  /** It ends; whoever started it is told by `deliver`. */
  end(process: FakeProcess, status: Status): void;
  deliver(): void;
  look(all: boolean): void;
  fire(timer: string): void;
}

/** `isImmortal`: the kernel does not let go of killed processes. */
export function createWorld({ isImmortal = false } = {}): World {
  const processes = new Map<number, FakeProcess>();
  const timers = new Map<string, number>();
  const answers = new Map<number, Answer[]>();
  const undelivered: { pid: number; status: Status }[] = [];
  let state = initialState();
  const done: Effect[] = [];
  let spawns = 0;
  let lineages = 0;
  let lastPid = 100;
  let exitCode: number | undefined;
  let lookAsked: "no" | "some" | "all" = "no";

  function send(event: Event): void {
    const { state: after, effects } = step(state, event);
    state = after;
    for (const effect of effects) perform(effect);
    done.push(...effects);
  }

  function perform(effect: Effect): void {
    if (effect.kind === "spawn") spawns += 1;
    if (effect.kind === "look") lookAsked = effect.all || lookAsked === "all" ? "all" : "some";
    if (effect.kind === "timer") timers.set(effect.timer, effect.ms);
    if (effect.kind === "cancel") timers.delete(effect.timer);
    if (effect.kind === "exit") exitCode = effect.code;
    if (effect.kind === "signal") processes.get(effect.pid)?.got.push(effect.name);
    if (effect.kind === "answer") answers.set(effect.asker, [...(answers.get(effect.asker) ?? []), effect.answer]);
    if (effect.kind === "kill" && !isImmortal) kill(effect.pid);
  }

  function kill(pid: number): void {
    for (const child of [...processes.values()]) if (child.ppid === pid) kill(child.pid);
    const process = processes.get(pid);
    if (process !== undefined) end(process, { signal: 9 });
  }

  function add(ppid: number, lineage: number, isKin: boolean): FakeProcess {
    lastPid += 1;
    const identity = { pid: lastPid, startTicks: lastPid, ppid, lineage, isKin };
    const process = { ...identity, accepts: false, isCopy: false, reapedFaults: 0, got: [] };
    processes.set(process.pid, process);
    return process;
  }

  function end(process: FakeProcess, status: Status): void {
    processes.delete(process.pid);
    for (const child of processes.values()) if (child.ppid === process.pid) child.ppid = 1;
    if (process.ppid === KEEPER) undelivered.push({ pid: process.pid, status });
  }

  return {
    ...{ processes, timers, answers, send, end },
    state: () => state,
    effects: () => done.splice(0),
    exitCode: () => exitCode,
    spawns: () => spawns,
    lookAsked: () => lookAsked,
    finishSpawn() {
      if (spawns === 0) return undefined;
      spawns -= 1;
      lineages += 1;
      const process = add(KEEPER, lineages, true);
      send({ kind: "spawned", pid: process.pid, startTicks: process.startTicks, lineage: process.lineage });
      return process;
    },
    failSpawn() {
      if (spawns === 0) return;
      spawns -= 1;
      send({ kind: "spawn-failed", reason: "cannot-execute", detail: "ENOENT" });
    },
    fork: (parent, isKin) => add(parent.pid, parent.lineage, isKin),
    deliver() {
      const next = undelivered.shift();
      if (next !== undefined) send({ kind: "exited", ...next });
    },
    look(all) {
      const isAll = all || lookAsked === "all";
      lookAsked = "no";
      send({ kind: "looked", all: isAll, members: [...processes.values()].map(memberOf) });
    },
    fire(timer) {
      if (!timers.delete(timer)) return;
      send({ kind: "timeout", timer });
    },
  };
}

const KEEPER = 1_000_000;

function memberOf({ accepts, got: _, ...process }: FakeProcess): Member {
  return { ...process, isDead: false, accepts: accepts ? "yes" : "no" };
}

/** As a client is told. */
export function answersTo(world: World, asker: number): string[] {
  return (world.answers.get(asker) ?? []).map((answer) =>
    answer.event === "failed" ? `failed: ${answer.reason}` : answer.event,
  );
}

/** Starts the program, and lets it accept. */
export function startedWorld(
  strategy: "socket" | "handover",
  over: Partial<Settings> = {},
): World & { first: FakeProcess } {
  const world = createWorld();
  world.send({ kind: "start", settings: { ...SETTINGS[strategy], ...over } });
  const first = world.finishSpawn();
  if (first === undefined) throw new Error("nothing was started");
  first.accepts = true;
  world.look(false);
  world.effects();
  return { ...world, first };
}

export function stagesOf(world: World): Record<number, string> {
  return Object.fromEntries(world.state().generations.map(({ pid, stage }) => [pid, stage]));
}
