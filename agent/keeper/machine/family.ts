/** Who of a program's processes belongs to whom. */
import { type Generation, keyOf, type Member, type MemberKey, type State } from "./model.ts";

export type Verdict = "yes" | "no" | "unknown";

/** Those that serve or are on their way to it, without those on their way out. */
export function activeOf(state: State): Generation[] {
  return state.generations.filter(({ stage }) => stage === "ready" || stage === "starting");
}

/** Who takes signals and is asked to hand over: the newest that is ready, or else one that has had its time. */
export function servingOf(state: State): Generation | undefined {
  return (
    state.generations.findLast(({ stage }) => stage === "ready") ??
    state.generations.findLast(({ stage, isLate }) => stage === "starting" && isLate)
  );
}

export function livingOf(members: readonly Member[]): Member[] {
  return members.filter(({ isDead }) => !isDead);
}

/**
 * The living processes of a generation. With `socket` each generation has a lifeline of its own; with `handover` all
 * share one, and a generation is its main process and what descends from that, up to the next generation.
 */
export function membersOf(state: State, generation: Generation, members: readonly Member[]): Member[] {
  const living = livingOf(members);
  if (state.settings.strategy === "socket") {
    return living.filter(({ pid, lineage }) => pid === generation.pid || lineage === generation.lineage);
  }
  const others = new Set(state.generations.map(({ pid }) => pid).filter((pid) => pid !== generation.pid));
  return treeOf(generation.pid, living, others);
}

function treeOf(root: number, members: readonly Member[], except: ReadonlySet<number>): Member[] {
  const found = new Map(members.filter(({ pid }) => pid === root).map((member) => [member.pid, member]));
  // A child may have a lower pid than its parent once pids have wrapped: go on until nobody is added.
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const member of members) {
      if (found.has(member.ppid) && !except.has(member.pid)) found.set(member.pid, member);
    }
  }
  return [...found.values()];
}

export function verdictOf(members: readonly Member[]): Verdict {
  if (members.some(({ accepts }) => accepts === "yes")) return "yes";
  return members.some(({ accepts }) => accepts === "unknown") ? "unknown" : "no";
}

export interface Candidate {
  readonly member: Member;
  readonly verdict: Verdict;
}

/**
 * Who may be a successor: a process that is not among `known` and is of the program's name, or accepts. Of a parent and
 * its child that both are, the parent. A helper that the program started is neither; it may hold the lifeline as well.
 * A child of one that is known, and that has executed nothing, is none: until it does it looks as if it accepted, too.
 * (Go forks one to try out its kernel before the first start of another program, os.checkPidfd.)
 */
export function candidatesOf(members: readonly Member[], known: ReadonlySet<MemberKey>): Candidate[] {
  const living = livingOf(members);
  const old = new Set(living.filter((member) => known.has(keyOf(member))).map(({ pid }) => pid));
  const isNew = (member: Member) => !known.has(keyOf(member)) && !(member.isCopy && old.has(member.ppid));
  const fits = living.filter((member) => isNew(member) && (member.isKin || member.accepts === "yes"));
  const fitting = new Set(fits.map(({ pid }) => pid));
  const parents = new Map(living.map(({ pid, ppid }) => [pid, ppid]));
  return fits
    .filter((member) => !hasAncestor(member, fitting, parents))
    .map((member) => ({ member, verdict: verdictOf(treeOf(member.pid, living, new Set())) }))
    .sort((a, b) => b.member.startTicks - a.member.startTicks || b.member.pid - a.member.pid);
}

function hasAncestor({ pid }: Member, among: ReadonlySet<number>, parents: ReadonlyMap<number, number>): boolean {
  const passed = new Set([pid]);
  for (let parent = parents.get(pid); parent !== undefined && !passed.has(parent); parent = parents.get(parent)) {
    if (among.has(parent)) return true;
    passed.add(parent);
  }
  return false;
}

/** The accepting one, or undefined. */
export function acceptorOf(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.find(({ verdict }) => verdict === "yes");
}

/** Whether a look has to find out about this process, which is the costly part of it. */
export function needsAccept(state: State, member: Member): boolean {
  if (state.phase !== "serving") return false;
  const active = activeOf(state);
  if (active.length === 0) return true;
  const { reload } = state;
  if (state.settings.strategy === "handover" && reload?.step === "waiting" && !reload.before.has(keyOf(member))) {
    return true;
  }
  const starting = active.filter(({ stage }) => stage === "starting");
  if (state.settings.strategy === "handover") return starting.length > 0;
  return starting.some(({ pid, lineage }) => pid === member.pid || lineage === member.lineage);
}

/** How closely the processes have to be watched: only where the kernel will tell nothing by itself. */
export function watchOf(state: State): "off" | "slow" | "fast" {
  const { phase, reload, pending, generations, settings, members } = state;
  if (phase === "idle" || phase === "ended") return "off";
  if (phase === "stopping" || phase === "ending" || reload !== undefined || state.mustRespawn) return "fast";
  // It waits for a process whose end nobody may tell.
  if (pending !== undefined && settings.strategy === "handover" && generations.length > 1) return "fast";
  if (generations.some(({ stage, isLate }) => stage === "starting" && !isLate)) return "fast";
  if (generations.some(({ stage }) => stage === "draining" || stage === "dismissed")) return "slow";
  if (state.strays.size > 0) return "slow";
  const last = generations.at(-1);
  if (last === undefined || last.isChild) return last?.isLate && settings.strategy === "socket" ? "slow" : "off";
  // The end of somebody else's child is told by the lifeline, unless other processes hold that too, or nobody did.
  return livingOf(members).length > 1 || state.closedLifelines.has(last.lineage) ? "slow" : "off";
}
