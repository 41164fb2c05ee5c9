/**
 * Which release do a program's processes run? Facts about each process in, a judgement out.
 *
 * - Ready is a fact about processes, not a 200 from a shared socket: each one that accepts runs the wanted release.
 * - A process that could not be looked into proves nothing; then the judgement says so, and rests on health alone.
 * - What runs is told by device and inode of exe or cwd. Where neither lies in a release (an interpreter in a folder of
 *   its own), a process that started after the flip, by a command line through `current`, runs what `current` named; by
 *   any other command line it may run anything, and proves nothing.
 */

export interface ProcessView {
  readonly pid: number;
  readonly startTicks: number;
  /** The pid that supervisor holds. */
  readonly supervised: boolean;
  /** That one is its parent. */
  readonly isChild: boolean;
  /** A listening socket of its own stands in its epoll set, or a thread of it waits to accept. */
  readonly accepts: boolean;
  /** It has a listening socket. One that has, and is busy with a request just now, may accept the next moment. */
  readonly holds: boolean;
  /** The release of its exe or cwd, where one of them lies in a release. */
  readonly release: string | undefined;
  readonly releaseBy: "exe" | "cwd" | undefined;
  /** Supervisor started the program by a command line that goes through `current`, or its slot. */
  readonly throughCurrent: boolean;
  /** The kernel let nobody look. */
  readonly denied: boolean;
  /** Only the program's own keeper could look: its word is worth as much as the program's. */
  readonly witnessed?: boolean;
}

/** One process for ever, within one boot. */
export type ProcessKey = string;
export const processKey = (process: { pid: number; startTicks: number }): ProcessKey =>
  `${process.pid}@${process.startTicks}`;

export interface GenerationQuestion {
  readonly wanted: string;
  /** The processes that were there before the signal or start. */
  readonly before: ReadonlySet<ProcessKey>;
  /** False: nothing of the program is known to listen, so the supervised process itself must run the release. */
  readonly listens: boolean;
  /** True: the release was running before, so that only processes that were not there show that the reload took place. */
  readonly mustBeNew: boolean;
}

export type GenerationAnswer =
  | { readonly kind: "proved"; readonly evidence: readonly string[] }
  /** Nothing that could be seen speaks against it, and not everything could be seen. */
  | { readonly kind: "hidden"; readonly pids: readonly number[] }
  | { readonly kind: "not-yet"; readonly because: string }
  | { readonly kind: "wrong"; readonly pid: number; readonly runs: string };

export function judgeGeneration(processes: readonly ProcessView[], question: GenerationQuestion): GenerationAnswer {
  const hidden = processes.filter((process) => process.denied);
  const seen = processes.filter((process) => !process.denied);
  const accepting = seen.filter((process) => process.accepts);
  const deciding = accepting.length > 0 || question.listens ? accepting : seen.filter((process) => process.supervised);
  const wrong = deciding.find((process) => releaseOf(process, question) !== question.wanted);
  if (wrong) return { kind: "wrong", pid: wrong.pid, runs: releaseOf(wrong, question) ?? "an earlier start" };
  const opaque = deciding.filter((process) => process.release === undefined && !process.throughCurrent);
  if (opaque.length > 0) return judgeHidden(opaque, question);
  const stale = deciding.find((process) => !process.supervised && question.before.has(processKey(process)));
  if (stale && question.mustBeNew) return { kind: "not-yet", because: `pid ${stale.pid} of before still accepts` };
  if (hidden.length > 0) return judgeHidden(hidden, question);
  if (deciding.length === 0)
    return { kind: "not-yet", because: question.listens ? "no process accepts" : "no process" };
  return { kind: "proved", evidence: deciding.map((process) => evidenceOf(process, question.wanted)) };
}

/**
 * The same processes; one that is new, and was seen to accept in an earlier look, accepts still: of a server that answers one
 * request at a time, a look may find each worker busy. `seen` is added to.
 */
export function rememberAccepting(
  processes: readonly ProcessView[],
  seen: Set<ProcessKey>,
  question: Pick<GenerationQuestion, "wanted" | "before">,
): ProcessView[] {
  for (const process of processes) {
    if (process.accepts && isNew(process, question)) seen.add(processKey(process));
  }
  return processes.map((process) => (seen.has(processKey(process)) ? { ...process, accepts: true } : process));
}

/** Whether processes that do not run the release do not accept just now, and may only be busy. */
export function mayStillAccept(
  processes: readonly ProcessView[],
  question: Pick<GenerationQuestion, "wanted" | "before">,
): boolean {
  return processes.some((process) => {
    return process.holds && !process.accepts && !process.supervised && !isNew(process, question);
  });
}

/** Beyond these, for each worker that is there, workers that end before one was ready are a release that can not start. */
const LIVES_BEFORE_READY = 3;

/**
 * How many new workers of a master have ended, once they are too many: it starts them for ever, and would be waited for in
 * vain. `seen`: all new ones so far, added to. A worker is told by the listening socket that it has from its master; what a
 * worker forks has that too, and comes and goes as it likes. undefined: there is nothing to say yet.
 */
export function workersLost(
  processes: readonly ProcessView[],
  seen: Set<ProcessKey>,
  question: Pick<GenerationQuestion, "wanted" | "before">,
): number | undefined {
  const workers = processes.filter((process) => process.holds && process.isChild && isNew(process, question));
  for (const worker of workers) seen.add(processKey(worker));
  const lost = seen.size - workers.length;
  return lost >= LIVES_BEFORE_READY * Math.max(workers.length, 1) ? lost : undefined;
}

/** Not one of before, nor one that the old release has started meanwhile. */
export function isNew(
  process: ProcessView,
  { wanted, before }: Pick<GenerationQuestion, "wanted" | "before">,
): boolean {
  return !before.has(processKey(process)) && (process.release === undefined || process.release === wanted);
}

/** Of processes of which nobody can tell what they run, pid and start time can be seen: a reload must at least have made a new one. */
function judgeHidden(hidden: readonly ProcessView[], question: GenerationQuestion): GenerationAnswer {
  const isNew = hidden.some((process) => !question.before.has(processKey(process)));
  if (!isNew) return { kind: "not-yet", because: "no new process" };
  return { kind: "hidden", pids: hidden.map((process) => process.pid) };
}

function releaseOf(process: ProcessView, question: GenerationQuestion): string | undefined {
  if (process.release !== undefined) return process.release;
  return question.before.has(processKey(process)) ? undefined : question.wanted;
}

function evidenceOf(process: ProcessView, wanted: string): string {
  const by = process.witnessed === true ? ", says its keeper" : "";
  if (process.releaseBy === "exe") return `pid ${process.pid} executes ${wanted}${by}`;
  if (process.releaseBy === "cwd") return `pid ${process.pid} works in ${wanted}${by}`;
  return `pid ${process.pid} was started through current after the flip${by}`;
}

/** Who may be a worker: nobody, a child of the supervised process, or any process below it. */
export type Workers = "none" | "children" | "descendants";

/**
 * The processes that served before a reload and are to go: those that accepted, or, where that can not be seen, all but
 * the supervised one, which stays through every reload. `workers`: those of its master that are busy belong to them as well.
 * unicorn tells its workers by a pipe, so that one that finishes a request may take one more before it reads that it is to go. One
 * of another release than those that accept has hung since a reload that failed: it answers nobody, and is not waited for. Nor is
 * what a worker has forked, which may live on for its own work, unless workers themselves may be started by others of them.
 */
export function oldGeneration(processes: readonly ProcessView[], workers: Workers): ProcessView[] {
  const accepting = processes.filter((process) => process.accepts);
  if (accepting.length === 0) return processes.filter((process) => !process.supervised);
  if (workers === "none") return accepting;
  const releases = new Set(accepting.map(({ release }) => release));
  const isWorker = ({ isChild, supervised }: ProcessView) => (workers === "children" ? isChild : !supervised);
  const isBusy = (process: ProcessView) => process.holds && isWorker(process) && releases.has(process.release);
  return processes.filter((process) => process.accepts || isBusy(process));
}

/**
 * How long a worker lives, of a server that replaces its workers by itself, after so many requests each (max_requests,
 * --max-reqs-per-child); undefined: none was replaced that anybody could tell. One that is found at any moment has lived half
 * its life on average, and none is as old as the time for which nobody has asked for new ones.
 */
export function workerLifeMs(agesMs: readonly number[], undisturbedMs: number): number | undefined {
  if (agesMs.length === 0 || 2 * Math.max(...agesMs) > undisturbedMs) return undefined;
  return Math.max((2 * agesMs.reduce((sum, age) => sum + age, 0)) / agesMs.length, 1);
}

/** The release that a program's processes run, or undefined where that is mixed or can not be told. */
export function releaseRun(processes: readonly ProcessView[]): string | undefined {
  const accepting = processes.filter((process) => process.accepts);
  const deciding = accepting.length > 0 ? accepting : processes.filter((process) => process.supervised);
  const [first, ...rest] = deciding;
  return first && rest.every((process) => process.release === first.release) ? first.release : undefined;
}
