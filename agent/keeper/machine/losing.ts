/**
 * No generation serves any more. With `socket` the program is started again, since the connections wait; with `handover`
 * a successor may have been forked, or an old generation may serve still. Otherwise the program has ended.
 */
import { end } from "./ending.ts";
import { acceptorOf, activeOf, candidatesOf, livingOf, membersOf, verdictOf } from "./family.ts";
import { adopt, awaitReady, becomeReady, emit, endStrays, note, passSignals, spawn } from "./generations.ts";
import { backOffMs, CRASH_LIMIT, HOLD_MS, keyOf, type Turn } from "./model.ts";

/** To be called whenever one may have been the last. */
export function replaceLost(turn: Turn, isAllAsked: boolean): void {
  const { state } = turn;
  const isLost = state.phase === "serving" && activeOf(state).length === 0 && !state.isSpawning && !state.isBackingOff;
  if (!isLost) return;
  if (state.settings.strategy === "socket") startAgain(turn);
  else if (state.reload !== undefined) return;
  else if (!isAllAsked) emit(turn, { kind: "look", all: true });
  else if (reinstate(turn) || findSuccessor(turn)) {
    state.mustRespawn = false;
    state.hold = "no";
  } else if (state.mustRespawn) respawnWhenGone(turn);
  else if (state.hold === "no") end(turn);
  else hold(turn);
}

function hold(turn: Turn): void {
  if (turn.state.hold === "holding") return;
  turn.state.hold = "holding";
  note(turn, { note: "holding" });
  emit(turn, { kind: "timer", timer: "hold", ms: HOLD_MS });
}

export function endHold(turn: Turn): void {
  if (turn.state.hold !== "holding") return;
  turn.state.hold = "no";
  replaceLost(turn, true);
}

/** What was dismissed, and its children, may hold the port until they are gone; an old generation that drains does not. */
function respawnWhenGone(turn: Turn): void {
  const { state } = turn;
  if (state.generations.some(({ stage }) => stage === "dismissed")) return;
  const draining = new Set(state.generations.flatMap((each) => membersOf(state, each, state.members)).map(keyOf));
  const others = livingOf(state.members).filter((member) => !draining.has(keyOf(member)));
  if (others.length > 0) endStrays(turn, others);
  else spawn(turn);
}

function startAgain(turn: Turn): void {
  const { state } = turn;
  // The first start is supervisor's to repeat: it shows BACKOFF and FATAL to people.
  if (state.mustRespawn) spawn(turn);
  else if (!state.wasReady) end(turn);
  else crashed(turn);
}

function crashed(turn: Turn): void {
  const { state } = turn;
  state.crashes += 1;
  emit(turn, { kind: "cancel", timer: "stable" });
  if (state.crashes > CRASH_LIMIT) {
    note(turn, { note: "giving-up" });
    end(turn);
    return;
  }
  const ms = backOffMs(state.crashes);
  note(turn, { note: "again", crashes: state.crashes, delayMs: ms });
  state.isBackingOff = ms > 0;
  if (ms > 0) emit(turn, { kind: "timer", timer: "back-off", ms });
  else spawn(turn);
}

/** The successor is gone, and the old generation had not stopped to accept. */
function reinstate(turn: Turn): boolean {
  const { state } = turn;
  const serving = state.generations.findLast(
    (generation) => generation.stage === "draining" && verdictOf(membersOf(state, generation, state.members)) === "yes",
  );
  if (serving === undefined) return false;
  emit(turn, { kind: "cancel", timer: `drain:${serving.pid}` });
  becomeReady(turn, serving);
  return true;
}

/** The program handed over without a word to the keeper. */
function findSuccessor(turn: Turn): boolean {
  const { state } = turn;
  const leaving = state.generations.flatMap((generation) => membersOf(state, generation, state.members));
  const candidates = candidatesOf(state.members, new Set([...leaving.map(keyOf), ...state.strays.keys()]));
  const successor = acceptorOf(candidates) ?? candidates[0];
  if (successor === undefined) return false;
  note(turn, { note: "adopted", pid: successor.member.pid });
  const generation = adopt(turn, successor.member, "starting");
  if (successor.verdict === "yes") becomeReady(turn, generation);
  else awaitReady(turn, generation);
  passSignals(turn);
  return true;
}
