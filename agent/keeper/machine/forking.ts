/**
 * How long a program that was asked to hand over may take until it forks its successor. To give up too early puts back a release
 * that is none the worse for it, so each sign of one that is still to come gives more time:
 *
 * - Whatever of the program has ended may have been the successor, or what a program runs before it forks one: a check of the new
 *   release by its own name, a process by which Go tries out its kernel. The successor may follow.
 * - While a child is at work, whatever it is, nothing is missed.
 * - Time alone decides nothing: on a host that is slow, or stood still, neither the program nor the keeper has done much in it. The keeper
 *   must have looked so many times as well, and the more often the longer the program has taken until its first child.
 */
import { livingOf } from "./family.ts";
import { answer, emit, finishReload } from "./generations.ts";
import {
  type Answer,
  FORK_AFTER_LOSS_MS,
  FORK_MORE_MS,
  FORK_MS,
  keyOf,
  type Member,
  type Reload,
  type State,
  type Turn,
} from "./model.ts";

const LOOKS_TO_FORK = 16;
const LOOKS_AFTER_LOSS = 8;
const LOOKS_FOR_EACH_BEFORE = 2;

/** Somebody else has asked the program, and it has heard. */
export function noteAsked(turn: Turn, asker: number): void {
  const { reload, settings } = turn.state;
  answer(turn, [asker], { event: "noted" });
  if (reload?.step !== "waiting" || settings.strategy !== "handover") return;
  beHeard(turn, reload);
}

/** From now on it has its time to fork. */
export function beHeard(turn: Turn, reload: Reload): void {
  reload.isHeard = true;
  if (reload.loss === undefined) giveTime(turn, reload, FORK_MS);
}

function giveTime(turn: Turn, reload: Reload, ms: number): void {
  reload.idleLooks = 0;
  emit(turn, { kind: "timer", timer: "fork", ms });
}

/** A look without anybody who may be the successor. */
export function noteLoss(turn: Turn, reload: Reload): void {
  const { state } = turn;
  const [lost, reapedFaults] = [lostOf(state), reapedFaultsOf(state)];
  const known = reload.loss ?? { lost: 0, reapedFaults: reload.asked?.reapedFaults ?? 0, looksWanted: 0 };
  if ((lost <= known.lost && reapedFaults <= known.reapedFaults) || hasNewChild(state)) return;
  const looksWanted = Math.max(known.looksWanted, LOOKS_AFTER_LOSS, LOOKS_FOR_EACH_BEFORE * reload.idleLooks);
  reload.loss = { lost, reapedFaults, looksWanted };
  giveTime(turn, reload, FORK_AFTER_LOSS_MS);
}

/** Successors that were in sight and are not any more, or are dead. */
function lostOf({ reload, members }: State): number {
  if (reload === undefined) return 0;
  const living = new Set(livingOf(members).map(keyOf));
  const isSuccessor = (member: Member) => member.isKin && !member.isCopy && !reload.before.has(keyOf(member));
  const dead = members.filter((member) => member.isDead && isSuccessor(member)).map(keyOf);
  return new Set([...reload.seen.keys(), ...dead].filter((key) => !living.has(key))).size;
}

/** Of the program that was asked, once it has heard. */
function reapedFaultsOf({ reload, members }: State): number {
  const { asked, isHeard } = reload ?? {};
  if (asked === undefined || isHeard !== true) return 0;
  return members.find((member) => keyOf(member) === keyOf(asked))?.reapedFaults ?? 0;
}

/** Of the program that was asked: a child that it had not before, whatever that is. */
export function hasNewChild({ reload, members }: State): boolean {
  const { asked, before } = reload ?? {};
  return livingOf(members).some((member) => member.ppid === asked?.pid && before?.has(keyOf(member)) === false);
}

/** The program has had its time to fork. */
export function beForked(turn: Turn): void {
  const { reload, settings } = turn.state;
  if (reload?.step !== "waiting" || reload.hasCandidate || settings.strategy !== "handover") return;
  const { loss, idleLooks } = reload;
  if (hasNewChild(turn.state)) giveTime(turn, reload, FORK_MS);
  else if (idleLooks < (loss?.looksWanted ?? LOOKS_TO_FORK))
    emit(turn, { kind: "timer", timer: "fork", ms: FORK_MORE_MS });
  else finishReload(turn, noSuccessor(turn.state));
}

/** Nobody has come, and why. */
export function noSuccessor({ reload }: State): Extract<Answer, { event: "failed" }> {
  const loss = reload?.loss;
  if (loss === undefined) return { event: "failed", reason: "no-successor" };
  if (loss.lost > 0) return { event: "failed", reason: "exited" };
  return { event: "failed", reason: "exited", detail: "it was gone before it could be looked at" };
}
