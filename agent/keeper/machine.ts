/**
 * The keeper: what it does, and when. Pure: events in, effects out; keeper.ts brings both together with the world.
 *
 *                                              ┌────────────────────────────────────────────┐
 *               spawned          accepts       │ reload: a successor accepts                │
 *   idle ──► STARTING ─────────► READY ────────┴─► DRAINING ──── ends, or past `drainMs` ──► gone
 *               │ ends, or                │ ends
 *               │ DISMISSED               ▼
 *               │          nobody else is ready: socket: start again, with a pause that grows
 *               │                                handover: a successor, the old one, or the end
 *               ▼
 *             gone; the first start failed: the end, with the program's status
 *
 *   TERM, INT: every generation is told ──► gone, or killed past `drainMs` ──► exit 0
 *
 * What holds, each with a test of that name:
 *
 * - The keeper never ends with 0 unless it was told to stop.
 * - It always ends when it is told to stop, whatever the program does.
 * - There is one reload at a time; another one waits for its turn.
 * - A signal that comes before the program accepts is passed on when it does.
 * - After the first ready generation there is always a ready one, unless the program ended or the keeper was told to stop.
 * - No process is told to end twice.
 * - An old generation is ended past its drain limit, if another one is ready; or left, where that is wanted.
 * - The program's own status is passed up; a status that nobody can know is 1.
 * - With `socket`, a release that crashes, hangs or can not be executed costs nothing.
 * - With `socket`, a program that crashes is started again, until it has crashed too often.
 * - With `handover`, a successor is found whoever asked the program to fork it.
 */
import { endTimedOut, lookedEnding, stop } from "./machine/ending.ts";
import { activeOf } from "./machine/family.ts";
import { beForked, noteAsked } from "./machine/forking.ts";
import {
  addGeneration,
  awaitReady,
  dismiss,
  emit,
  endDraining,
  endStrays,
  finishReload,
  note,
  passSignals,
  readReadiness,
  remove,
  removeUnseen,
  spawn,
} from "./machine/generations.ts";
import { endHold, replaceLost } from "./machine/losing.ts";
import {
  beginTurn,
  type Effect,
  type Event,
  type Generation,
  keyOf,
  type Member,
  type Settings,
  type SpawnFailure,
  type State,
  type Turn,
} from "./machine/model.ts";
import { abort, advance, askReload, beLate, lookedHandover } from "./machine/reload.ts";

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** Does not change `state`. */
export function step(state: State, event: Event): Step {
  if (state.phase === "ended") return { state, effects: [] };
  const turn = beginTurn(state);
  take(turn, event);
  if (turn.state.phase === "serving") advance(turn);
  return turn;
}

function take(turn: Turn, event: Event): void {
  const { state } = turn;
  switch (event.kind) {
    case "start":
      start(turn, event.settings);
      break;
    case "settings":
      // The strategy stands for the life of a keeper.
      state.settings = { ...event.settings, strategy: state.settings.strategy };
      break;
    case "spawned":
      spawned(turn, { ...event, isChild: true });
      break;
    case "spawn-failed":
      spawnFailed(turn, event.reason, event.detail);
      break;
    case "exited":
      exited(turn, event);
      break;
    case "lifeline-closed":
      state.closedLifelines.add(event.lineage);
      emit(turn, { kind: "look", all: activeOf(state).length === 0 });
      break;
    case "looked":
      looked(turn, event.members, event.all);
      break;
    case "signal":
      signalled(turn, event.name);
      break;
    case "asked":
      if (event.verb === "reload") askReload(turn, [event.asker]);
      else if (event.verb === "abort") abort(turn, event.asker);
      else noteAsked(turn, event.asker);
      break;
    case "timeout":
      timedOut(turn, event.timer);
      break;
  }
}

function start(turn: Turn, settings: Settings): void {
  const { state } = turn;
  if (state.phase !== "idle") return;
  state.phase = "serving";
  state.settings = settings;
  spawn(turn);
  const early = state.signals;
  state.signals = [];
  for (const name of early) signalled(turn, name);
}

function spawned(turn: Turn, process: Parameters<typeof addGeneration>[1]): void {
  const { state } = turn;
  const isUnwanted = state.isUnwanted || state.phase !== "serving";
  state.isSpawning = false;
  state.isUnwanted = false;
  const generation = addGeneration(turn, process, "starting");
  forgetLifelines(state);
  if (isUnwanted) {
    dismiss(turn, generation);
    replaceLost(turn, false);
    return;
  }
  awaitReady(turn, generation);
  if (state.reload?.step !== "spawning") return;
  state.reload.step = "waiting";
  state.reload.successor = generation.pid;
}

/** Of starts that nobody descends from any more. */
function forgetLifelines(state: State): void {
  const lineages = new Set(state.generations.map(({ lineage }) => lineage));
  for (const lineage of state.closedLifelines) if (!lineages.has(lineage)) state.closedLifelines.delete(lineage);
}

function spawnFailed(turn: Turn, reason: SpawnFailure, detail: string): void {
  const { state } = turn;
  state.isSpawning = false;
  state.isUnwanted = false;
  if (activeOf(state).length === 0) state.status = { code: reason === "cannot-execute" ? 126 : 1 };
  if (state.reload !== undefined) finishReload(turn, { event: "failed", reason, detail });
  else note(turn, { note: "failed", reason, detail });
  if (state.phase === "serving") replaceLost(turn, false);
  else emit(turn, { kind: "look", all: false });
}

function exited(turn: Turn, event: Extract<Event, { kind: "exited" }>): void {
  const { state } = turn;
  const generation = state.generations.find(({ pid, isChild }) => isChild && pid === event.pid);
  if (generation !== undefined) remove(turn, generation, event.status);
  // What it leaves behind has to be found, also its successor.
  emit(turn, { kind: "look", all: activeOf(state).length === 0 });
  if (state.settings.strategy === "socket") replaceLost(turn, false);
}

function looked(turn: Turn, members: readonly Member[], isAllAsked: boolean): void {
  const { state } = turn;
  state.members = members;
  forgetStrays(state);
  if (state.phase === "stopping" || state.phase === "ending") lookedEnding(turn);
  if (state.phase === "serving") lookedServing(turn, isAllAsked);
}

function lookedServing(turn: Turn, isAllAsked: boolean): void {
  removeUnseen(turn);
  readReadiness(turn);
  if (turn.state.settings.strategy === "handover") lookedHandover(turn, isAllAsked);
  else endRemains(turn);
  replaceLost(turn, isAllAsked);
}

function forgetStrays(state: State): void {
  const living = new Set(state.members.filter(({ isDead }) => !isDead).map(keyOf));
  for (const key of state.strays.keys()) if (!living.has(key)) state.strays.delete(key);
}

/** With `socket`: processes whose generation has ended would go on accepting for a release that is gone. */
function endRemains(turn: Turn): void {
  const lineages = new Set(turn.state.generations.map(({ lineage }) => lineage));
  const remains = turn.state.members.filter(({ lineage, isDead }) => {
    return !isDead && lineage !== undefined && !lineages.has(lineage);
  });
  endStrays(turn, remains);
}

function signalled(turn: Turn, name: string): void {
  const { state } = turn;
  if (name === "TERM" || name === "INT") stop(turn);
  else if (state.phase === "serving" && name === reloadSignalOf(state.settings)) askReload(turn, []);
  else {
    if (!state.signals.includes(name)) state.signals.push(name);
    passSignals(turn);
  }
}

export function reloadSignalOf({ strategy, signal }: Settings): string | undefined {
  return signal ?? (strategy === "socket" ? "HUP" : undefined);
}

function timedOut(turn: Turn, timer: string): void {
  const [name = "", pid] = timer.split(":");
  const generation = turn.state.generations.find((other) => other.pid === Number(pid));
  if (name === "end") endTimedOut(turn);
  else if (name === "stray") killStray(turn, Number(pid));
  else if (generation !== undefined) generationTimedOut(turn, generation, name);
  else if (pid === undefined && turn.state.phase === "serving") servingTimedOut(turn, name);
}

function servingTimedOut(turn: Turn, name: string): void {
  const { state } = turn;
  if (name === "stable") state.crashes = 0;
  if (name === "back-off" && state.isBackingOff) {
    state.isBackingOff = false;
    spawn(turn);
  }
  if (name === "hold") endHold(turn);
  if (name === "fork") beForked(turn);
  if (name === "ready" && state.reload?.step === "waiting") {
    state.reload.step = "judging";
    emit(turn, { kind: "look", all: true });
  }
}

function generationTimedOut(turn: Turn, generation: Generation, name: string): void {
  const { pid, startTicks } = generation;
  if (name === "ready" && turn.state.phase === "serving") beLate(turn, generation);
  if (name === "drain" && generation.stage === "draining") endDraining(turn, generation);
  if (name === "kill") emit(turn, { kind: "kill", pid, startTicks });
}

function killStray(turn: Turn, pid: number): void {
  for (const stray of turn.state.strays.values()) {
    if (stray.pid === pid) emit(turn, { kind: "kill", pid, startTicks: stray.startTicks });
  }
}
