/** What becomes of one generation: ready, giving way, dismissed, gone. And the answers to whoever waits for it. */
import { activeOf, membersOf, servingOf, verdictOf } from "./family.ts";
import {
  type Answer,
  type Effect,
  type Generation,
  keyOf,
  LAST_CHANCE_MS,
  type Member,
  type Note,
  STABLE_MS,
  type Stage,
  type Status,
  type Turn,
} from "./model.ts";

export function emit({ effects }: Turn, ...more: Effect[]): void {
  effects.push(...more);
}

export function note(turn: Turn, written: Note): void {
  emit(turn, { kind: "note", note: written });
}

export function answer(turn: Turn, askers: readonly number[], given: Answer): void {
  for (const asker of askers) emit(turn, { kind: "answer", asker, answer: given });
}

/** The reload under way has an outcome. */
export function finishReload(turn: Turn, outcome: Answer): void {
  const { reload } = turn.state;
  if (reload === undefined) return;
  if (outcome.event === "failed") {
    note(turn, { note: "failed", reason: outcome.reason, detail: outcome.detail });
  }
  answer(turn, reload.askers, outcome);
  turn.state.reload = undefined;
  emit(turn, { kind: "cancel", timer: "ready" }, { kind: "cancel", timer: "fork" });
}

/** Neither the reload under way nor the one behind it will take place. */
export function failReloads(turn: Turn, reason: "ended" | "stopping" | "aborted"): void {
  finishReload(turn, { event: "failed", reason });
  answer(turn, turn.state.pending ?? [], { event: "failed", reason });
  turn.state.pending = undefined;
}

export function addGeneration(
  turn: Turn,
  of: { pid: number; startTicks: number; lineage: number; isChild: boolean },
  stage: Stage,
): Generation {
  const { pid, startTicks, lineage, isChild } = of;
  const generation: Generation = {
    ...{ pid, startTicks, lineage, isChild, stage },
    ...{ isLate: false, isAsked: false, mayAccept: false },
  };
  turn.state.generations.push(generation);
  return generation;
}

/** A process that the program forked becomes a generation of its own. */
export function adopt(turn: Turn, member: Member, stage: Stage): Generation {
  const lineage = member.lineage ?? turn.state.generations.at(-1)?.lineage ?? 0;
  return addGeneration(turn, { pid: member.pid, startTicks: member.startTicks, lineage, isChild: false }, stage);
}

export function awaitReady(turn: Turn, generation: Generation): void {
  emit(turn, { kind: "timer", timer: `ready:${generation.pid}`, ms: turn.state.settings.readyMs });
}

/** It accepts: whoever served before gives way, and signals that waited for it are passed on. */
export function becomeReady(turn: Turn, generation: Generation): void {
  const { state } = turn;
  generation.stage = "ready";
  generation.isLate = false;
  state.wasReady = true;
  emit(turn, { kind: "cancel", timer: `ready:${generation.pid}` });
  if (state.crashes > 0) emit(turn, { kind: "timer", timer: "stable", ms: STABLE_MS });
  note(turn, { note: "ready", pid: generation.pid });
  // Only older ones: a late first generation may become ready while its successor starts.
  const older = state.generations.slice(0, state.generations.indexOf(generation));
  for (const other of activeOf(state)) if (older.includes(other)) retire(turn, other);
  passSignals(turn);
}

function retire(turn: Turn, generation: Generation): void {
  const { settings } = turn.state;
  generation.stage = "draining";
  emit(turn, { kind: "cancel", timer: `ready:${generation.pid}` });
  emit(turn, { kind: "timer", timer: `drain:${generation.pid}`, ms: settings.drainMs });
  const name = settings.strategy === "socket" ? settings.stopSignal : settings.oldSignal;
  if (name !== undefined) tell(turn, generation, name);
}

/** Sends what ends it, once. */
export function tell(turn: Turn, generation: Generation, name: string): void {
  if (generation.isAsked) return;
  generation.isAsked = true;
  emit(turn, { kind: "signal", pid: generation.pid, startTicks: generation.startTicks, name });
}

/** Ends one that never served. */
export function dismiss(turn: Turn, generation: Generation): void {
  generation.stage = "dismissed";
  tell(turn, generation, turn.state.settings.stopSignal);
  emit(turn, { kind: "cancel", timer: `ready:${generation.pid}` });
  emit(turn, { kind: "timer", timer: `kill:${generation.pid}`, ms: LAST_CHANCE_MS });
}

/** It has had `drainMs`. It is not ended while nobody else serves: then it may well be the one that does. */
export function endDraining(turn: Turn, generation: Generation): void {
  const { state } = turn;
  if (state.settings.pastDrain === "leave") {
    note(turn, { note: "left", pid: generation.pid });
    return;
  }
  const timer = `drain:${generation.pid}`;
  if (!state.generations.some(({ stage }) => stage === "ready")) {
    emit(turn, { kind: "timer", timer, ms: state.settings.drainMs });
    return;
  }
  note(turn, { note: "over-limit", pid: generation.pid });
  if (generation.isAsked) {
    emit(turn, { kind: "kill", pid: generation.pid, startTicks: generation.startTicks });
    return;
  }
  tell(turn, generation, state.settings.stopSignal);
  emit(turn, { kind: "timer", timer, ms: LAST_CHANCE_MS });
}

/** Takes out one that has ended. */
export function remove(turn: Turn, generation: Generation, status: Status): void {
  const { state } = turn;
  const wasServing = generation.stage === "ready" || generation.stage === "starting";
  state.generations = state.generations.filter((other) => other !== generation);
  if (wasServing) state.status = status;
  for (const timer of ["ready", "drain", "kill"]) emit(turn, { kind: "cancel", timer: `${timer}:${generation.pid}` });
  note(turn, { note: "gone", pid: generation.pid, status, wasServing });
  if (state.reload?.successor === generation.pid) {
    finishReload(turn, { event: "failed", reason: "exited", status });
  }
}

/** Takes out those that are nobody's child here and were not seen any more. */
export function removeUnseen(turn: Turn): void {
  const { state } = turn;
  const living = new Set(state.members.filter(({ isDead }) => !isDead).map(keyOf));
  for (const generation of [...state.generations]) {
    if (!generation.isChild && !living.has(keyOf(generation))) remove(turn, generation, "unknown");
  }
}

/** Ends what no generation stands for any more. */
export function endStrays(turn: Turn, strays: readonly Member[]): void {
  const { state } = turn;
  for (const { pid, startTicks } of strays) {
    if (state.strays.has(keyOf({ pid, startTicks }))) continue;
    state.strays.set(keyOf({ pid, startTicks }), { pid, startTicks });
    emit(turn, { kind: "signal", pid, startTicks, name: "TERM" });
    emit(turn, { kind: "timer", timer: `stray:${pid}`, ms: LAST_CHANCE_MS });
  }
}

/** Reads off the look which of those that start accept by now. */
export function readReadiness(turn: Turn): void {
  const { state } = turn;
  for (const generation of state.generations.filter(({ stage }) => stage === "starting")) {
    const verdict = verdictOf(membersOf(state, generation, state.members));
    generation.mayAccept = verdict === "unknown";
    if (verdict === "yes") becomeReady(turn, generation);
    if (verdict === "yes" && state.reload?.successor === generation.pid) finishReload(turn, readyAnswer(generation));
  }
}

export function readyAnswer({ pid, startTicks }: { pid: number; startTicks: number }): Answer {
  return { event: "ready", pid, startTicks };
}

export function passSignals(turn: Turn): void {
  const { state } = turn;
  const target = servingOf(state);
  if (target === undefined) return;
  const { pid, startTicks } = target;
  for (const name of state.signals) emit(turn, { kind: "signal", pid, startTicks, name });
  state.signals = [];
}

export function spawn(turn: Turn): void {
  turn.state.isSpawning = true;
  turn.state.mustRespawn = false;
  turn.state.hold = "no";
  emit(turn, { kind: "cancel", timer: "hold" });
  emit(turn, { kind: "spawn" });
}
