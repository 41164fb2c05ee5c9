/**
 * One reload at a time.
 *
 * `socket`: the successor is started beside the old generation; when it accepts, the old one is told to end.
 * `handover`: the program is asked, and forks its successor itself: a process that was not there before. It is ready when
 * it accepts; the old one leaves by itself. Where the old one leaves first (gracehttp does), the successor is waited for.
 */
import {
  acceptorOf,
  activeOf,
  type Candidate,
  candidatesOf,
  livingOf,
  membersOf,
  servingOf,
  verdictOf,
} from "./family.ts";
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
import {
  FORK_AFTER_REAPED_MS,
  FORK_MS,
  type Generation,
  keyOf,
  type Member,
  type Reload,
  type State,
  type Turn,
} from "./model.ts";

/** Looks of a watch, about a second: a process that nobody may look into, and whose parent has left it the port, serves. */
const LOOKS_TO_BELIEVE = 8;
/** Looks in a row without a successor that one look had: it may have been a helper of that name, before the successor comes. */
const LOOKS_TO_MISS = 8;

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
      hasReaped: false,
      seen: new Map(),
      hasCandidate: false,
      missed: 0,
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

/** From now on it has its time to fork. */
function beHeard(turn: Turn, reload: Reload): void {
  reload.isHeard = true;
  emit(turn, { kind: "timer", timer: "fork", ms: FORK_MS });
}

function follow(turn: Turn): void {
  const { state } = turn;
  const { reload } = state;
  if (reload === undefined) return;
  const known = new Set([...reload.before, ...state.generations.map(keyOf)]);
  const candidates = candidatesOf(state.members, known);
  reload.hasCandidate = candidates.length > 0;
  reload.missed = reload.hasCandidate ? 0 : reload.missed + 1;
  for (const { member } of candidates) reload.seen.set(keyOf(member), (reload.seen.get(keyOf(member)) ?? 0) + 1);
  const successor = acceptorOf(candidates) ?? believable(state, candidates);
  if (successor !== undefined) handOver(turn, successor);
  // Whether anybody is left is for replaceLost to find out.
  else if (candidates.length === 0 && activeOf(state).length === 0 && !reload.isDeserted) {
    // The list of processes may be older than the successor, and the end of the old one that it tells of younger.
    reload.isDeserted = true;
    emit(turn, { kind: "look", all: reload.step === "judging" });
  } else if (candidates.length === 0 && (activeOf(state).length === 0 || hasDied(state))) {
    if (reload.askers.length > 0 && activeOf(state).length === 0) state.hold = "armed";
    finishReload(turn, { event: "failed", reason: "exited" });
  } else if (reload.step === "judging") judge(turn, candidates);
  else if (candidates.length === 0) noteReaped(turn, reload);
}

function noteReaped(turn: Turn, reload: Reload): void {
  const { asked, isHeard } = reload;
  if (asked === undefined || !isHeard) return;
  const now = turn.state.members.find((member) => keyOf(member) === keyOf(asked));
  // A program may run others before it forks: while one of them is there, and for a moment after each, the successor may still come.
  if (now === undefined || now.reapedFaults <= asked.reapedFaults || hasNewChild(turn.state)) return;
  reload.asked = { ...asked, reapedFaults: now.reapedFaults };
  reload.hasReaped = true;
  emit(turn, { kind: "timer", timer: "fork", ms: FORK_AFTER_REAPED_MS });
}

/** Of the program that was asked: a child that it had not before, whatever that is. */
function hasNewChild({ reload, members }: State): boolean {
  const { asked, before } = reload ?? {};
  return livingOf(members).some((member) => member.ppid === asked?.pid && before?.has(keyOf(member)) === false);
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

/**
 * A successor was there and is not any more, or is dead. A program that crashes at once is there for one look, if for any:
 * then it counts when nobody else has come for some more.
 */
function hasDied({ reload, members }: State): boolean {
  if (reload === undefined) return false;
  const living = new Set(livingOf(members).map(keyOf));
  const enough = reload.missed >= LOOKS_TO_MISS ? 1 : 2;
  const wasSeen = [...reload.seen].some(([key, looks]) => looks >= enough && !living.has(key));
  const isSuccessor = (member: Member) => member.isKin && !member.isCopy && !reload.before.has(keyOf(member));
  return wasSeen || members.some((member) => member.isDead && isSuccessor(member));
}

/** The time is up, and nobody new accepts. */
function judge(turn: Turn, candidates: readonly Candidate[]): void {
  const { state } = turn;
  const old = activeOf(state);
  const serves = old.some((generation) => verdictOf(membersOf(state, generation, state.members)) !== "no");
  const [newest] = candidates;
  if (newest === undefined) finishReload(turn, { event: "failed", reason: "no-successor" });
  else if (!serves && newest.verdict === "unknown") handOver(turn, newest);
  else {
    for (const { member } of serves ? candidates : []) dismiss(turn, adopt(turn, member, "starting"));
    // Nobody accepts: it is the only hope, so it is left alone, and whoever reloads decides (abort).
    if (!serves) adopt(turn, newest.member, "starting").isLate = true;
    finishReload(turn, { event: "failed", reason: "not-ready" });
    passSignals(turn);
  }
}

/** Somebody else has asked the program, and it has heard. */
export function noteAsked(turn: Turn, asker: number): void {
  const { reload, settings } = turn.state;
  answer(turn, [asker], { event: "noted" });
  if (reload?.step !== "waiting" || settings.strategy !== "handover") return;
  beHeard(turn, reload);
}

/** The program has had its time to fork. */
export function beForked(turn: Turn): void {
  const { reload, settings } = turn.state;
  if (reload?.step !== "waiting" || reload.hasCandidate || settings.strategy !== "handover") return;
  if (!reload.hasReaped) finishReload(turn, { event: "failed", reason: "no-successor" });
  else if (hasNewChild(turn.state)) {
    reload.hasReaped = false;
    emit(turn, { kind: "timer", timer: "fork", ms: FORK_MS });
  } else finishReload(turn, { event: "failed", reason: "exited", detail: "it was gone before it could be looked at" });
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
