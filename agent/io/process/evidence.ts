/**
 * Looks into one process: which files it runs and stands in, which listening sockets it holds, whether it accepts.
 *
 * - Nothing is guessed: where the kernel denies a read, the result says so.
 * - Device and inode are taken through the links in /proc, which lead to the very file even if its name is gone or
 *   means another file by now. Nothing that a process chose itself (its names, its arguments) is looked at.
 * - A pid that came to name another process in the meantime gives `gone`, never a mixture of the two.
 *
 * What only the kernel answers (fds, fdinfo, what threads wait in) is read synchronously, in batches: through the thread pool
 * each of these short reads costs ten times as much. What may wait for a file system or for the process itself (exe, cwd, its
 * memory; before Linux 5.7 also what its threads wait in) is not.
 */
import { type BigIntStats, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type AcceptFacts,
  decideAccepting,
  epollFds,
  type HeldSocket,
  needsFamily,
  type ThreadWait,
} from "../../core/process/accepting.ts";
import {
  type FileIdentity,
  isSameFile,
  type Look,
  type OpenFile,
  type ProcessFacts,
} from "../../core/process/inspection.ts";
import {
  type EpollTarget,
  fdsOfPoll,
  fdsOfSelect,
  parseEpollFdinfo,
  parseSyscall,
  ringMayAccept,
  socketInode,
  syscallWaitsForExec,
  type Wait,
} from "../../core/process/proc.ts";
import { errnoOf } from "../files.ts";
import type { ListeningSockets } from "./listening.ts";
import { isHidden, listProcesses, PROC, type Process, readProcess } from "./processes.ts";

/** Folders between a release's root and a cwd in it, at most. */
const DEPTH_LIMIT = 128;
/** Files that are read without a look at anything else: a process may have 100,000 fds. */
const BATCH = 64;
/** As many fds as poll(2) is followed for: 64 KB of another process's memory. */
const POLL_LIMIT = 8192;
/** Of a thread that is back in such a wait, but in another one: a server under load goes round a hundred times a second. */
const TRIES = 4;

const DENIED: ReadonlySet<string | undefined> = new Set(["EACCES", "EPERM"]);
/** ENOENT: ended before the open; ESRCH: after it; EIO and EINVAL: /proc/<pid>/mem of a memory that is gone. */
const GONE: ReadonlySet<string | undefined> = new Set(["ENOENT", "ESRCH", "EIO", "EINVAL"]);

/** `roots`: folders of which the one that holds the cwd is told. */
export async function look(
  pid: number,
  roots: readonly FileIdentity[],
  listening: ListeningSockets,
  root: string,
): Promise<Look> {
  const before = readProcess(pid, root);
  if (before === undefined && isHidden(pid)) return { outcome: "denied", pid, startTicks: 0, uid: -1 };
  if (before === undefined || before.isZombie) return { outcome: "gone", pid };
  const { startTicks, uid } = before;
  try {
    const facts = await gather(before, roots, listening, root);
    return readProcess(pid, root)?.startTicks === startTicks ? { outcome: "seen", facts } : { outcome: "gone", pid };
  } catch (error) {
    const code = errnoOf(error);
    if (DENIED.has(code)) return { outcome: "denied", pid, startTicks, uid };
    if (GONE.has(code)) return { outcome: "gone", pid };
    throw error;
  }
}

/** The fds by which listening sockets stand in its epoll sets; undefined: that can not be seen. */
export async function acceptingFds(pid: number, listening: ListeningSockets): Promise<ReadonlySet<number> | undefined> {
  const folder = join(PROC, `${pid}`);
  try {
    const { held, epollFds: sets } = await openSockets(folder, listening(pid));
    return epollFds({ held, epoll: await epollTargets(folder, sets) });
  } catch {
    return undefined;
  }
}

async function gather(
  found: Process,
  roots: readonly FileIdentity[],
  listening: ListeningSockets,
  root: string,
): Promise<ProcessFacts> {
  const folder = join(root, `${found.pid}`);
  const exe = openFile(await stat(join(folder, "exe"), { bigint: true }));
  const cwd = openFile(await stat(join(folder, "cwd"), { bigint: true }));
  const cwdRoot = await rootAround(join(folder, "cwd"), roots);
  const { held, epollFds, hasIoUring } = await openSockets(folder, listening(found.pid));
  const epoll = held.length === 0 ? [] : await epollTargets(folder, epollFds);
  // Where a set of its own tells that it accepts, its threads have nothing to add.
  const { accepts } = decideAccepting({ held, epoll, threads: [], hasIoUring, ...UNASKED });
  const threads = held.length === 0 || accepts === "yes" ? [] : await threadWaits(folder, root);
  const family = needsFamily(threads) ? await familyHolds(found, held, root) : UNASKED;
  return {
    pid: found.pid,
    startTicks: found.startTicks,
    ppid: found.ppid,
    uid: found.uid,
    exe,
    cwd,
    cwdRoot,
    holds: [...new Set(held.map((socket) => socket.inode))],
    ...decideAccepting({ held, epoll, threads, hasIoUring, ...family }),
    isPartial: threads.some((thread) => thread.kind === "hidden"),
  };
}

function openFile(stats: BigIntStats): OpenFile {
  return { dev: stats.dev, ino: stats.ino, isDeleted: stats.nlink === 0n };
}

/** Climbs from a folder by `..` as the kernel has it; a name would be wrong after a rename, or for a hidden mount. */
async function rootAround(folder: string, roots: readonly FileIdentity[]): Promise<number> {
  let path = folder;
  let below: FileIdentity | undefined;
  for (let depth = 0; depth < DEPTH_LIMIT && roots.length > 0; depth++) {
    const here = await stat(path, { bigint: true });
    const index = roots.findIndex((candidate) => isSameFile(candidate, here));
    if (index >= 0) return index;
    if (below !== undefined && isSameFile(below, here)) return -1;
    below = here;
    path += "/..";
  }
  return -1;
}

interface OpenSockets {
  readonly held: HeldSocket[];
  readonly epollFds: string[];
  readonly hasIoUring: boolean;
}

async function openSockets(folder: string, listening: ReadonlySet<bigint>): Promise<OpenSockets> {
  const held: HeldSocket[] = [];
  const epollFds: string[] = [];
  const rings: string[] = [];
  await forEachInBatches(readdirSync(join(folder, "fd")), (fd) => {
    const target = unlessGone(() => readlinkSync(join(folder, "fd", fd)));
    if (target === undefined) return;
    const inode = socketInode(target);
    if (inode !== undefined && listening.has(inode)) held.push({ fd: Number(fd), inode });
    if (target === "anon_inode:[eventpoll]") epollFds.push(fd);
    if (target === "anon_inode:[io_uring]") rings.push(fd);
  });
  const mayAccept = (fd: string) =>
    ringMayAccept(unlessGone(() => readFileSync(join(folder, "fdinfo", fd), "utf8")) ?? "");
  return { held, epollFds, hasIoUring: held.length > 0 && rings.some(mayAccept) };
}

async function epollTargets(folder: string, fds: readonly string[]): Promise<EpollTarget[]> {
  const targets: EpollTarget[] = [];
  await forEachInBatches(fds, (fd) => {
    const text = unlessGone(() => readFileSync(join(folder, "fdinfo", fd), "utf8"));
    targets.push(...parseEpollFdinfo(text ?? ""));
  });
  return targets;
}

async function threadWaits(folder: string, root: string): Promise<ThreadWait[]> {
  const waits: ThreadWait[] = [];
  const threads = await readdir(join(folder, "task"));
  const isSlow = syscallWaitsForExec(readLine(join(root, "sys/kernel/osrelease")) ?? "");
  const [size, read] = isSlow ? [1, readPatiently] : [BATCH, readLine];
  for (let at = 0; at < threads.length; at += size) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    const batch = threads.slice(at, at + size).map((thread) => threadWait(folder, join(folder, "task", thread), read));
    for (const wait of await Promise.all(batch)) if (wait !== undefined) waits.push(wait);
  }
  return waits;
}

type Read = (path: string) => string | undefined | Promise<string | undefined>;

/** Undefined: the thread has ended. */
async function threadWait(folder: string, thread: string, read: Read): Promise<ThreadWait | undefined> {
  try {
    let text = await read(join(thread, "syscall"));
    for (let tries = 0; tries < TRIES && text !== undefined; tries++) {
      const wait = parseSyscall(text, process.arch);
      const fds = await waitedOn(folder, wait);
      if (fds === undefined || wait.call === "other") break;
      // What was read from its memory is a set of fds only if it still sat in that very call afterwards. Without any fd it was read
      // between two calls, which look the same: nobody waits for nothing (measured: puma's under 500 requests a second).
      const after = await read(join(thread, "syscall"));
      if (after === text && fds.length > 0) return { kind: "waits", by: wait.call, fds };
      text = after;
    }
    return text === undefined ? undefined : { kind: "elsewhere" };
  } catch (error) {
    if (!DENIED.has(errnoOf(error))) throw error;
    const wchan = wchanOf(thread);
    return wchan === undefined ? undefined : { kind: "hidden", wchan };
  }
}

/** Empty: not told. */
function wchanOf(thread: string): string | undefined {
  try {
    return readLine(join(thread, "wchan"));
  } catch {
    return "";
  }
}

async function waitedOn(folder: string, wait: Wait): Promise<number[] | undefined> {
  if (wait.call === "accept") return [wait.fd];
  if (wait.call === "other" || wait.count <= 0) return undefined;
  const count = Math.min(wait.count, POLL_LIMIT);
  if (wait.call === "select") {
    const set = await readMemory(folder, wait.readSet, Math.ceil(count / 8));
    return set === undefined ? undefined : fdsOfSelect(set, count);
  }
  const list = await readMemory(folder, wait.list, count * 8);
  return list === undefined ? undefined : fdsOfPoll(list);
}

/** From the memory of a process. Undefined: nothing is there. Addresses of user space fit in a double (2^47). */
async function readMemory(folder: string, address: bigint, length: number): Promise<Buffer | undefined> {
  if (address === 0n || address > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const memory = await open(join(folder, "mem"), "r");
  try {
    const { bytesRead, buffer } = await memory.read(Buffer.alloc(length), 0, length, Number(address));
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    return goneMeanwhile(error);
  } finally {
    await memory.close();
  }
}

type Family = Pick<AcceptFacts, "parentHolds" | "childHolds">;
const UNASKED: Family = { parentHolds: undefined, childHolds: undefined };

/** Whether its parent, and any of its children, hold one of the sockets that it holds. */
async function familyHolds(found: Process, held: readonly HeldSocket[], root: string): Promise<Family> {
  const inodes = new Set(held.map((socket) => socket.inode));
  const holdsOne = async (pid: number): Promise<boolean | undefined> => {
    try {
      return (await openSockets(join(root, `${pid}`), inodes)).held.length > 0;
    } catch {
      return undefined;
    }
  };
  const children = listProcesses(root).filter((child) => child.ppid === found.pid && !child.isZombie);
  const answers = await Promise.all(children.map((child) => holdsOne(child.pid)));
  const childHolds = answers.includes(true) ? true : answers.includes(undefined) ? undefined : false;
  return { parentHolds: await holdsOne(found.ppid), childHolds };
}

async function forEachInBatches<T>(items: readonly T[], visit: (item: T) => void): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    items.slice(at, at + BATCH).forEach(visit);
  }
}

/** As UTF-8, since for anything else Node takes a buffer of 64 KB for a file that tells no size: for each thread, at each look. */
function readLine(path: string): string | undefined {
  return unlessGone(() => readFileSync(path, "utf8"));
}

/** Where the kernel may have it wait: one at a time, of the few threads that Node has for all who wait. */
async function readPatiently(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(goneMeanwhile);
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    return goneMeanwhile(error);
  }
}

function goneMeanwhile(error: unknown): undefined {
  if (GONE.has(errnoOf(error))) return undefined;
  throw error;
}
