/** The words in which the keeper's state machine is told what happened and says what to do. */

export type Strategy = "handover" | "socket";

/** What of `run/<program>.json` decides what the keeper does. */
export interface Settings {
  readonly strategy: Strategy;
  /** Asks the program to hand over, and the keeper to reload. Absent with `handover`: something else asks the program. */
  readonly signal: string | undefined;
  /** Ends a generation that no longer has to serve. */
  readonly stopSignal: string;
  /** For the old generation once its successor is ready, where the library does not end it by itself. */
  readonly oldSignal: string | undefined;
  readonly drainMs: number;
  /** What becomes of an old generation that has had `drainMs`. */
  readonly pastDrain: "end" | "leave";
  readonly readyMs: number;
}

/** A living process of the program, or a child of one that has died and was not waited for. */
export interface Member {
  readonly pid: number;
  /** In clock ticks since boot. */
  readonly startTicks: number;
  readonly ppid: number;
  /** The start that it descends from: whose lifeline it holds. */
  readonly lineage: number | undefined;
  readonly isDead: boolean;
  /** Its argv names the same program. */
  readonly isKin: boolean;
  /** It has executed nothing since it was forked: argv and open files are its parent's. */
  readonly isCopy: boolean;
  /** More whenever it has waited for a child that ended. */
  readonly reapedFaults: number;
  /** On a listening socket; `unasked`: nobody needed to know. */
  readonly accepts: "yes" | "no" | "unknown" | "unasked";
}

export type MemberKey = string;
export const keyOf = ({ pid, startTicks }: { pid: number; startTicks: number }): MemberKey => `${pid}@${startTicks}`;

/** How a process ended; `unknown` for those that were not the keeper's own children. */
export type Status = { readonly code: number } | { readonly signal: number } | "unknown";

/** `asked`: the program has heard that it is to hand over, from whoever asks it in the keeper's place. */
export type AskVerb = "reload" | "abort" | "asked";

export type Event =
  | { readonly kind: "start"; readonly settings: Settings }
  /** The settings were read again. */
  | { readonly kind: "settings"; readonly settings: Settings }
  | { readonly kind: "spawned"; readonly pid: number; readonly startTicks: number; readonly lineage: number }
  | { readonly kind: "spawn-failed"; readonly reason: SpawnFailure; readonly detail: string }
  | { readonly kind: "exited"; readonly pid: number; readonly status: Status }
  /** Nobody holds the lifeline of this start any more. */
  | { readonly kind: "lifeline-closed"; readonly lineage: number }
  /** `all`: every member was asked whether it accepts. The look began after the last effect that asked for one. */
  | { readonly kind: "looked"; readonly all: boolean; readonly members: readonly Member[] }
  | { readonly kind: "signal"; readonly name: string }
  | { readonly kind: "asked"; readonly asker: number; readonly verb: AskVerb }
  | { readonly kind: "timeout"; readonly timer: string };

/**
 * `bad-spec`: run/<program>.json says nothing that can be started. `needs-restart`: what changed in it (`listen`,
 * `strategy`) is taken only by a keeper that starts anew.
 */
export type SpawnFailure = "bad-spec" | "needs-restart" | "cannot-execute" | "cannot-listen";

export type ReloadFailure =
  | SpawnFailure
  /** The successor ended before it was ready. */
  | "exited"
  /** It did not accept in time. */
  | "not-ready"
  /** The program was asked, and forked nothing. */
  | "no-successor"
  | "aborted"
  /** The program ended, or the keeper was told to stop. */
  | "ended"
  | "stopping";

export type Answer =
  | { readonly event: "queued" }
  | { readonly event: "started"; readonly generations: readonly { pid: number; startTicks: number }[] }
  | { readonly event: "ready"; readonly pid: number; readonly startTicks: number }
  | { readonly event: "failed"; readonly reason: ReloadFailure; readonly detail?: string; readonly status?: Status }
  | { readonly event: "aborted"; readonly ended: readonly number[] }
  | { readonly event: "noted" };

/** For the program's log. */
export type Note =
  | { readonly note: "ready" | "late" | "adopted" | "over-limit" | "left"; readonly pid: number }
  | { readonly note: "gone"; readonly pid: number; readonly status: Status; readonly wasServing: boolean }
  | { readonly note: "failed"; readonly reason: ReloadFailure; readonly detail: string | undefined }
  | { readonly note: "again"; readonly crashes: number; readonly delayMs: number }
  | { readonly note: "stopping" | "giving-up" | "holding" };

export type Effect =
  /** Read the spec and start the program once; answered by `spawned` or `spawn-failed`. */
  | { readonly kind: "spawn" }
  | { readonly kind: "signal"; readonly pid: number; readonly startTicks: number; readonly name: string }
  /** SIGKILL to a process and all that descend from it. */
  | { readonly kind: "kill"; readonly pid: number; readonly startTicks: number }
  | { readonly kind: "look"; readonly all: boolean }
  /** A timer of that name replaces an earlier one. */
  | { readonly kind: "timer"; readonly timer: string; readonly ms: number }
  | { readonly kind: "cancel"; readonly timer: string }
  | { readonly kind: "answer"; readonly asker: number; readonly answer: Answer }
  | { readonly kind: "note"; readonly note: Note }
  | { readonly kind: "exit"; readonly code: number };

/**
 * - `starting`: has not accepted yet (`isLate`: and is past `readyMs`)
 * - `ready`: serves, or is believed to
 * - `draining`: was ready and has given way; past `drainMs` it is ended, unless it is to be left
 * - `dismissed`: was never ready and is being ended
 */
export type Stage = "starting" | "ready" | "draining" | "dismissed";

/** One run of the program, told by its main process. */
export interface Generation {
  readonly pid: number;
  readonly startTicks: number;
  readonly lineage: number;
  /** Started by the keeper, so that its exit status will be told. */
  readonly isChild: boolean;
  stage: Stage;
  isLate: boolean;
  /** The keeper has told it to end; grace dies at once of a second TERM, so nothing is told twice. */
  isAsked: boolean;
  /** Whether it accepts could not be told at the last look. */
  mayAccept: boolean;
}

export interface Reload {
  readonly askers: number[];
  /** `judging`: the time is up, and a look at all processes decides. */
  step: "spawning" | "looking" | "waiting" | "judging";
  /** Of `socket`, once it is spawned. */
  successor: number | undefined;
  /** Of `handover`: who was there before the program was asked. */
  before: ReadonlySet<MemberKey>;
  /** Of `handover`: who is asked, as it was before. */
  asked: Pick<Member, "pid" | "startTicks" | "reapedFaults"> | undefined;
  /** It has heard. */
  isHeard: boolean;
  /** Looks since it was given time that have found neither a successor nor another new child. */
  idleLooks: number;
  /** Of `handover`: successors that were in sight, and in how many looks. */
  seen: Map<MemberKey, number>;
  /** There was one at the last look. */
  hasCandidate: boolean;
  /** What may have been a successor, and has ended; and how many looks have to find nobody else until it counts as one. */
  loss: { readonly lost: number; readonly reapedFaults: number; readonly looksWanted: number } | undefined;
  /** A look has found nobody: neither the old generation nor a successor. */
  isDeserted: boolean;
}

export interface State {
  /** `ending`: the program has ended by itself; `stopping`: the keeper was told to. */
  phase: "idle" | "serving" | "ending" | "stopping" | "ended";
  settings: Settings;
  /** Oldest first. */
  generations: Generation[];
  isSpawning: boolean;
  /** What is being spawned was aborted meanwhile. */
  isUnwanted: boolean;
  wasReady: boolean;
  /** What the last generation that served ended with. */
  status: Status;
  reload: Reload | undefined;
  /** A reload that waits for its turn, and who asked for it. */
  pending: number[] | undefined;
  /** Other signals, until a generation is there to take them. */
  signals: string[];
  /** In a row, of `socket`. */
  crashes: number;
  isBackingOff: boolean;
  /** What was there has been ended on purpose: start again. */
  mustRespawn: boolean;
  /**
   * The program ended during a reload that a client asked for: `armed` until that is certain, then `holding` for
   * HOLD_MS, since the client will flip back and ask for another start (abort).
   */
  hold: "no" | "armed" | "holding";
  /** Left behind by a generation, and told to end. */
  strays: Map<MemberKey, { pid: number; startTicks: number }>;
  isKilling: boolean;
  /** As the last look had them. */
  members: readonly Member[];
  closedLifelines: Set<number>;
}

/** One step under way: a copy of the state to change, and what is to be done. */
export interface Turn {
  readonly state: State;
  readonly effects: Effect[];
}

/** A process that never served, or has finished, gets this long after TERM. */
export const LAST_CHANCE_MS = 2_000;
/** After SIGKILL to everybody; then the keeper ends whatever the kernel still holds. */
export const KILL_WAIT_MS = 2_000;
/** Libraries fork as they are asked, but for what a program has them do before. Without any successor in sight after this long, none will come. */
export const FORK_MS = 10_000;
/**
 * A child of the program has ended that may have been its successor. It may have been another one as well; then the successor follows.
 * (One that crashes within a few milliseconds nobody sees, if the program waits for it at once: only that it has waited for some child.)
 */
export const FORK_AFTER_LOSS_MS = 1_500;
/** The time was up before the keeper had looked often enough. */
export const FORK_MORE_MS = 250;
/** Without a word from the client, whoever started the keeper starts the program again. */
export const HOLD_MS = 3_000;
/** Ready for this long: crashes before that count no more. */
export const STABLE_MS = 10_000;
export const CRASH_LIMIT = 6;
const LONGEST_BACK_OFF_MS = 5_000;

/** Before the `crashes`th start in a row: at once, 250 ms, 500 ms, … */
export function backOffMs(crashes: number): number {
  return crashes <= 1 ? 0 : Math.min(250 * 2 ** (crashes - 2), LONGEST_BACK_OFF_MS);
}

/** The keeper's own exit status: the program's, as a shell tells it, but never 0, which nobody asked for. */
export function exitCodeOf(status: Status): number {
  if (status === "unknown") return 1;
  return "signal" in status ? 128 + status.signal : status.code || 1;
}

export function initialState(): State {
  return {
    phase: "idle",
    settings: {
      ...{ strategy: "handover", signal: undefined, stopSignal: "TERM", oldSignal: undefined },
      ...{ drainMs: 0, pastDrain: "end", readyMs: 0 },
    },
    ...{
      generations: [],
      isSpawning: false,
      isUnwanted: false,
      status: "unknown",
      reload: undefined,
      pending: undefined,
    },
    ...{ wasReady: false, signals: [], crashes: 0, isBackingOff: false, mustRespawn: false, isKilling: false },
    hold: "no",
    ...{ strays: new Map(), members: [], closedLifelines: new Set() },
  };
}

export function beginTurn(state: State): Turn {
  const { reload } = state;
  const copy: State = {
    ...state,
    generations: state.generations.map((generation) => ({ ...generation })),
    reload: reload && { ...reload, askers: [...reload.askers], seen: new Map(reload.seen) },
    pending: state.pending && [...state.pending],
    signals: [...state.signals],
    strays: new Map(state.strays),
    closedLifelines: new Set(state.closedLifelines),
  };
  return { state: copy, effects: [] };
}
