/**
 * The end, asked for (`stopping`) or not (`ending`).
 *
 * Each generation is told once and by pid, since a successor may have a process group of its own. What a generation
 * leaves behind is told when no generation is left: until then it may be needed for the last requests. A successor that
 * was forked at the last moment is found when its parent has gone, and is told as well. `drainMs` after that everything is
 * killed; shortly after, the keeper ends whatever happens.
 */
import { candidatesOf, livingOf } from "./family.ts";
import { adopt, emit, endStrays, failReloads, note, removeUnseen, tell } from "./generations.ts";
import { exitCodeOf, KILL_WAIT_MS, keyOf, LAST_CHANCE_MS, type Member, type State, type Turn } from "./model.ts";

/** Told to stop. A second time changes nothing: grace dies at once of a second TERM, with the requests in flight. */
export function stop(turn: Turn): void {
  const { state } = turn;
  if (state.phase === "idle") exit(turn, 0);
  if (state.phase === "stopping" || state.phase === "ended") return;
  note(turn, { note: "stopping" });
  adoptForked(turn);
  begin(turn, "stopping", state.settings.drainMs);
}

/** The program has ended, and nothing brings it back but whoever started the keeper. */
export function end(turn: Turn): void {
  begin(turn, "ending", LAST_CHANCE_MS);
}

function begin(turn: Turn, phase: "stopping" | "ending", ms: number): void {
  const { state } = turn;
  state.phase = phase;
  failReloads(turn, phase === "stopping" ? "stopping" : "ended");
  for (const timer of ["back-off", "stable"]) emit(turn, { kind: "cancel", timer });
  for (const generation of state.generations) {
    // With `handover` an old generation has been told by its successor.
    if (generation.stage !== "draining") tell(turn, generation, state.settings.stopSignal);
    emit(turn, { kind: "cancel", timer: `ready:${generation.pid}` });
  }
  emit(turn, { kind: "timer", timer: "end", ms }, { kind: "look", all: false });
}

/** Successors in sight of a handover under way: they are told as well. */
function adoptForked(turn: Turn): void {
  const { state } = turn;
  if (state.settings.strategy !== "handover" || state.reload?.step === "looking") return;
  if (state.reload === undefined) return;
  const known = new Set([...state.reload.before, ...state.generations.map(keyOf)]);
  for (const { member } of candidatesOf(state.members, known)) adopt(turn, member, "dismissed");
}

/** A look while ending. */
export function lookedEnding(turn: Turn): void {
  const { state } = turn;
  removeUnseen(turn);
  const living = livingOf(state.members);
  adoptOrphans(turn, living);
  if (state.isKilling) killAll(turn);
  if (state.generations.length > 0 || state.isSpawning) return;
  if (living.length > 0) endStrays(turn, living);
  else exit(turn, ownCode(state));
}

function adoptOrphans(turn: Turn, living: readonly Member[]): void {
  const { state } = turn;
  if (state.settings.strategy !== "handover") return;
  const parents = new Set(living.map(({ pid }) => pid));
  const known = new Set([...state.generations.map(keyOf), ...state.strays.keys()]);
  for (const { member } of candidatesOf(living, known)) {
    const isOrphan = !parents.has(member.ppid) && !state.generations.some(({ pid }) => pid === member.ppid);
    if (isOrphan) tell(turn, adopt(turn, member, "dismissed"), state.settings.stopSignal);
  }
}

/** The time is up: first for the processes, then for the keeper. */
export function endTimedOut(turn: Turn): void {
  const { state } = turn;
  if (state.isKilling) {
    exit(turn, ownCode(state));
    return;
  }
  state.isKilling = true;
  killAll(turn);
  emit(turn, { kind: "timer", timer: "end", ms: KILL_WAIT_MS }, { kind: "look", all: false });
}

function killAll(turn: Turn): void {
  const { generations, members } = turn.state;
  const all = new Map([...generations, ...livingOf(members)].map(({ pid, startTicks }) => [pid, startTicks]));
  for (const [pid, startTicks] of all) emit(turn, { kind: "kill", pid, startTicks });
}

function ownCode({ phase, status }: State): number {
  return phase === "stopping" ? 0 : exitCodeOf(status);
}

function exit(turn: Turn, code: number): void {
  turn.state.phase = "ended";
  emit(turn, { kind: "exit", code });
}
