/**
 * Processes, as /proc has them. Reads of a few short files, so synchronous; what may block on a file system, or is long,
 * stands in evidence.ts.
 *
 * A pid alone names nothing: it is used again. Everything that outlives one look is kept as an identity.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FileIdentity } from "../../core/process/inspection.ts";
import { type ProcessUids, parseStat, parseStatusUids } from "../../core/process/proc.ts";
import { errnoOf } from "../files.ts";

export const PROC = "/proc";

export interface Process {
  readonly pid: number;
  /** In clock ticks since boot. */
  readonly startTicks: number;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  /** One letter; proc(5). */
  readonly state: string;
  /** Effective uid. */
  readonly uid: number;
  /** kill(2) compares real and saved. */
  readonly uids: ProcessUids;
  /** Dead, and not yet waited for by its parent: it holds no file and serves nobody. */
  readonly isZombie: boolean;
  /** False: since it was forked it has executed nothing. */
  readonly hasExecuted: boolean;
  /** More whenever it has waited for a child. */
  readonly reapedFaults: number;
  /** A thread of the kernel's own. */
  readonly isKernel: boolean;
}

/** Names one process for ever, on one host. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
  readonly pidNamespace: number;
}

/** Undefined: there is no such process, or /proc does not show it (mount option hidepid; see `liveness`). */
export function readProcess(pid: number, root: string = PROC): Process | undefined {
  const listed = readListed(pid, root);
  const uids = parseStatusUids(readIfThere(`${root}/${pid}/status`) ?? "");
  return listed && uids && { ...listed, uid: uids.effective, uids };
}

function readListed(pid: number, root: string): ListedProcess | undefined {
  const stat = parseStat(readIfThere(`${root}/${pid}/stat`) ?? "");
  if (stat === undefined) return undefined;
  const { startTicks, ppid, pgrp, session, state, hasExecuted, reapedFaults, isKernel } = stat;
  const isZombie = state === "Z" || state === "X";
  return { pid, startTicks, ppid, pgrp, session, state, hasExecuted, reapedFaults, isKernel, isZombie };
}

/** A line of the list of processes: what one short read of each gives. */
export type ListedProcess = Omit<Process, "uid" | "uids">;

/** Every process that can be seen, zombies too, by pid. */
export function listProcesses(root: string = PROC): ListedProcess[] {
  return readdirSync(root)
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
    .flatMap((pid) => readListed(pid, root) ?? []);
}

/** Children and their children, without `pid` itself. A child whose parent died is init's, so it is not among them. */
export function descendants(pid: number, root: string = PROC): ListedProcess[] {
  return descendantsAmong(listProcesses(root), pid);
}

function descendantsAmong(all: readonly ListedProcess[], pid: number): ListedProcess[] {
  const found: ListedProcess[] = [];
  const parents = new Set([pid]);
  // A child may have a lower pid than its parent once pids have wrapped: go on until nobody is added.
  for (let before = -1; before !== found.length; ) {
    before = found.length;
    for (const process of all) {
      if (parents.has(process.pid) || !parents.has(process.ppid)) continue;
      parents.add(process.pid);
      found.push(process);
    }
  }
  return found;
}

/**
 * The living processes of a program: the supervised one, its descendants, and whoever is in its process group, which
 * supervisord made and a successor keeps when its parent has gone.
 */
export function programPids(supervisedPid: number, all: readonly ListedProcess[] = listProcesses()): number[] {
  const group = all.filter(({ pid, pgrp }) => pid === supervisedPid || pgrp === supervisedPid);
  const members = [...group, ...descendantsAmong(all, supervisedPid)].filter((process) => !process.isZombie);
  return [...new Set(members.map((process) => process.pid))];
}

/** Undefined: there is no such process. A zombie has an identity, too. */
export function identityOf(pid: number, root: string = PROC): ProcessIdentity | undefined {
  const found = readProcess(pid, root);
  if (found === undefined) return undefined;
  return { pid, startTicks: found.startTicks, bootId: bootId(root), pidNamespace: pidNamespace(root) };
}

/**
 * Whether that very process lives. `unknown`: it belongs to another pid namespace, or the pid exists and /proc hides it;
 * whoever waits for the end of a process, or takes something over from it, must not count that as gone.
 */
export function liveness(identity: ProcessIdentity, root: string = PROC): "alive" | "gone" | "unknown" {
  if (identity.bootId !== bootId(root)) return "gone";
  if (identity.pidNamespace !== pidNamespace(root)) return "unknown";
  const found = readProcess(identity.pid, root);
  if (found === undefined) return isHidden(identity.pid) ? "unknown" : "gone";
  return found.startTicks === identity.startTicks && !found.isZombie ? "alive" : "gone";
}

/**
 * Milliseconds since a process was started, by our own age: /proc/uptime may be a container's (LXC), while start times are the
 * kernel's. Those are told in hundredths of a second, whatever the kernel's own tick is (time(7)).
 */
export function ageMs({ startTicks }: { readonly startTicks: number }): number {
  const own = readProcess(process.pid)?.startTicks ?? startTicks;
  return performance.now() + (own - startTicks) * 10;
}

/** Changes with each boot of the kernel; random(4). */
export function bootId(root: string = PROC): string {
  return readFileSync(join(root, "sys/kernel/random/boot_id"), "utf8").trim();
}

/** Inode of our own pid namespace: pids mean something only inside it; namespaces(7). */
export function pidNamespace(root: string = PROC): number {
  return statSync(join(root, "self/ns/pid")).ino;
}

/** Device and inode of what a path leads to; undefined: nothing is there, or it is not for this user to see. */
export function fileIdentity(path: string): FileIdentity | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return { dev, ino };
  } catch (error) {
    if (NOT_TO_BE_SEEN.has(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

const NOT_TO_BE_SEEN: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "EACCES"]);

/**
 * Whether there is such a process although /proc does not show it (hidepid). kill(2) with signal 0 answers ESRCH for no
 * such process, and EPERM for one that is somebody else's.
 */
export function isHidden(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}

/** ESRCH: it ended between open and read. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** The words that a process was started with, or has written over them; none where it is gone. */
export function commandLine(pid: number, root: string = PROC): string[] {
  try {
    return readFileSync(`${root}/${pid}/cmdline`, "utf8")
      .split("\0")
      .filter((word) => word !== "");
  } catch {
    return [];
  }
}
