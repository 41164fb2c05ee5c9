/**
 * One reload at a time.
 *
 * `socket`: the successor is started beside the old generation; when it accepts, the old one is told to end.
 * `handover`: the program is asked, and forks its successor itself: a process that was not there before. It is ready when
 * it accepts; the old one leaves by itself. Where the old one leaves first (gracehttp does), the successor is waited for.
 */
import { acceptorOf, activeOf, type Candidate, candidatesOf, membersOf, servingOf, verdictOf } from "./family.ts";
import { beHeard, hasNewChild, noSuccessor, noteLoss } from "./forking.ts";
import {
  adopt,
  answer,
  becomeReady,
  dismiss,
  emit,
  failReloads,
  finishReload,
  note,
  passSignals,
  readyAnswer,
  spawn,
} from "./generations.ts";
import { type Generation, keyOf, type State, type Turn } from "./model.ts";

/** Looks of a watch, about a second: a process that nobody may look into, and whose parent has left it the port, serves. */
const LOOKS_TO_BELIEVE = 8;

export function askReload(turn: Turn, askers: readonly number[]): void {
  const { state } = turn;
  if (state.phase !== "serving") {
    answer(turn, askers, { event: "failed", reason: state.phase === "ending" ? "ended" : "stopping" });
    return;
  }
  state.pending = [...(state.pending ?? []), ...askers];
  advance(turn);
  if (state.pending === undefined) return;
  answer(turn, askers, { event: "queued" });
  // What is in its way may have gone since the last look.
  if (state.generations.length > 1) emit(turn, { kind: "look", all: false });
}

/** Begins the reload that waits, once nothing is in its way. */
export function advance(turn: Turn): void {
  const { state } = turn;
  const { pending, settings, generations } = state;
  if (state.phase !== "serving" || pending === undefined || state.reload !== undefined || state.isSpawning) return;
  const last = activeOf(state).at(-1);
  if (last?.stage === "starting" && !last.isLate) return;
  // Two handovers at once lose requests (grace), or are refused (tableflip, while the parent drains).
  if (settings.strategy === "handover" && (last === undefined || generations.length > 1)) return;
  state.pending = undefined;
  state.reload = {
    ...{
      askers: pending,
      successor: undefined,
      before: new Set(),
      asked: undefined,
      isHeard: false,
      idleLooks: 0,
      seen: new Map(),
      hasCandidate: false,
      loss: undefined,
      isDeserted: false,
    },
    step: settings.strategy === "socket" ? "spawning" : "looking",
  };
  if (settings.strategy === "handover") emit(turn, { kind: "look", all: false });
  else startSuccessor(turn, pending);
}

function startSuccessor(turn: Turn, askers: readonly number[]): void {
  turn.state.isBackingOff = false;
  emit(turn, { kind: "cancel", timer: "back-off" });
  answer(turn, askers, { event: "started", generations: namesOf(turn.state) });
  spawn(turn);
}

function namesOf(state: State): { pid: number; startTicks: number }[] {
  return activeOf(state).map(({ pid, startTicks }) => ({ pid, startTicks }));
}

/** A look while a program is asked to hand over. */
export function lookedHandover(turn: Turn, isAllAsked: boolean): void {
  const { reload } = turn.state;
  if (reload?.step === "looking") askProgram(turn);
  else if (reload?.step === "waiting" || (reload?.step === "judging" && isAllAsked)) follow(turn);
}

function askProgram(turn: Turn): void {
  const { state } = turn;
  const { reload, settings } = state;
  const target = servingOf(state);
  if (reload === undefined) return;
  // It has just gone: whoever comes in its place will be looked for, and the reload waits for that.
  if (target === undefined) {
    state.reload = undefined;
    state.pending = [...reload.askers, ...(state.pending ?? [])];
    return;
  }
  reload.before = new Set(state.members.map(keyOf));
  reload.asked = state.members.find((member) => keyOf(member) === keyOf(target));
  reload.step = "waiting";
  answer(turn, reload.askers, { event: "started", generations: namesOf(state) });
  if (settings.signal !== undefined) {
    emit(turn, { kind: "signal", pid: target.pid, startTicks: target.startTicks, name: settings.signal });
    beHeard(turn, reload);
  }
  emit(turn, { kind: "timer", timer: "ready", ms: settings.readyMs });
}

function follow(turn: Turn): void {
  const { state } = turn;
  const { reload } = state;
  if (reload === undefined) return;
  const known = new Set([...reload.before, ...state.generations.map(keyOf)]);
  const candidates = candidatesOf(state.members, known);
  reload.hasCandidate = candidates.length > 0;
  if (!reload.hasCandidate && !hasNewChild(state)) reload.idleLooks += 1;
  for (const { member } of candidates) reload.seen.set(keyOf(member), (reload.seen.get(keyOf(member)) ?? 0) + 1);
  const successor = acceptorOf(candidates) ?? believable(state, candidates);
  if (successor !== undefined) handOver(turn, successor);
  // Whether anybody is left is for replaceLost to find out.
  else if (candidates.length === 0 && activeOf(state).length === 0 && !reload.isDeserted) {
    // The list of processes may be older than the successor, and the end of the old one that it tells of younger.
    reload.isDeserted = true;
    emit(turn, { kind: "look", all: reload.step === "judging" });
  } else if (candidates.length === 0 && activeOf(state).length === 0) {
    if (reload.askers.length > 0) state.hold = "armed";
    finishReload(turn, { event: "failed", reason: "exited" });
  } else if (reload.step === "judging") judge(turn, candidates);
  else if (candidates.length === 0) noteLoss(turn, reload);
}

function handOver(turn: Turn, { member }: Candidate): void {
  const generation = adopt(turn, member, "starting");
  becomeReady(turn, generation);
  finishReload(turn, readyAnswer(generation));
}

function believable(state: State, candidates: readonly Candidate[]): Candidate | undefined {
  if (activeOf(state).length > 0) return undefined;
  return candidates.find(
    ({ member, verdict }) => verdict === "unknown" && (state.reload?.seen.get(keyOf(member)) ?? 0) >= LOOKS_TO_BELIEVE,
  );
}

/** The time is up, and nobody new accepts. */
function judge(turn: Turn, candidates: readonly Candidate[]): void {
  const { state } = turn;
  const old = activeOf(state);
  const serves = old.some((generation) => verdictOf(membersOf(state, generation, state.members)) !== "no");
  const [newest] = candidates;
  if (newest === undefined) finishReload(turn, noSuccessor(state));
  else if (!serves && newest.verdict === "unknown") handOver(turn, newest);
  else {
    for (const { member } of serves ? candidates : []) dismiss(turn, adopt(turn, member, "starting"));
    // Nobody accepts: it is the only hope, so it is left alone, and whoever reloads decides (abort).
    if (!serves) adopt(turn, newest.member, "starting").isLate = true;
    finishReload(turn, { event: "failed", reason: "not-ready" });
    passSignals(turn);
  }
}

/** A generation has had `readyMs`. */
export function beLate(turn: Turn, generation: Generation): void {
  const { state } = turn;
  if (generation.stage !== "starting") return;
  const isSuccessor = state.reload?.successor === generation.pid;
  if (generation.mayAccept) {
    becomeReady(turn, generation);
    if (isSuccessor) finishReload(turn, readyAnswer(generation));
    return;
  }
  generation.isLate = true;
  note(turn, { note: "late", pid: generation.pid });
  if (isSuccessor) finishReload(turn, { event: "failed", reason: "not-ready" });
  if (isSuccessor && state.generations.some(({ stage }) => stage === "ready")) dismiss(turn, generation);
  else passSignals(turn);
}

/** Ends what is not ready, and only that; where nothing else is left, the program is started again through `current`. */
export function abort(turn: Turn, asker: number): void {
  const { state } = turn;
  if (state.phase !== "serving") {
    answer(turn, [asker], { event: "aborted", ended: [] });
    return;
  }
  adoptUnready(turn);
  state.isUnwanted = state.isSpawning;
  const unready = state.generations.filter(({ stage }) => stage === "starting");
  failReloads(turn, "aborted");
  for (const generation of unready) dismiss(turn, generation);
  const ended = unready.map(({ pid }) => pid);
  answer(turn, [asker], { event: "aborted", ended });
  if (activeOf(state).length > 0 || (ended.length === 0 && !state.isUnwanted && state.hold === "no")) return;
  state.mustRespawn = true;
  emit(turn, { kind: "look", all: true });
}

function adoptUnready(turn: Turn): void {
  const { state } = turn;
  const { reload, settings } = state;
  if (settings.strategy !== "handover" || reload === undefined || reload.step === "looking") return;
  const known = new Set([...reload.before, ...state.generations.map(keyOf)]);
  for (const { member } of candidatesOf(state.members, known)) adopt(turn, member, "starting");
}
