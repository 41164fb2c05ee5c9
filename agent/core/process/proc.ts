/**
 * What the texts of Linux's /proc say. Pure: each function takes one file's text and believes only what its format
 * promises (proc(5), Documentation/filesystems/proc.rst). A text that does not fit gives undefined or is left out.
 */

/** From /proc/<pid>/stat. `startTicks` is in clock ticks since boot: together with the pid it names one process. */
export interface ProcessStat {
  readonly pid: number;
  readonly comm: string;
  /** R, S, D, T, t, Z, X, I. */
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  readonly startTicks: number;
  /** False: since it was forked it has executed nothing, so it is what its parent is, with the same open files. */
  readonly hasExecuted: boolean;
  /** Page faults of the children that it has waited for: more whenever it has waited for one more. */
  readonly reapedFaults: number;
  /** A thread of the kernel's own: it was started with nothing, and runs no file. */
  readonly isKernel: boolean;
}

/** PF_FORKNOEXEC and PF_KTHREAD of include/linux/sched.h. */
const FORKED_NOT_EXECUTED = 0x40;
const KERNEL_THREAD = 0x200000;

/** `comm` is whatever the program chose, blanks, newlines and parentheses too, so it ends at the LAST `)`. */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 1 || close < open) return undefined;
  // proc(5) has one blank between them. A keeper reads many of these: a pattern would leave three times as much behind.
  const rest = text
    .slice(close + 2)
    .trimEnd()
    .split(" ", 20);
  const state = rest[0] ?? "";
  const pid = integer(text.slice(0, open).trim());
  const [ppid, pgrp, session] = [integer(rest[1]), integer(rest[2]), integer(rest[3])];
  // proc(5): flags is field 9, cminflt 11, cmajflt 13, starttime 22; the state, here 0, is field 3.
  const [flags, startTicks] = [integer(rest[6]), integer(rest[19])];
  const [minor, major] = [integer(rest[8]), integer(rest[10])];
  if (pid === undefined || ppid === undefined || pgrp === undefined) return undefined;
  if (session === undefined || flags === undefined || startTicks === undefined) return undefined;
  if (minor === undefined || major === undefined) return undefined;
  if (!/^[A-Za-z]$/.test(state)) return undefined;
  const hasExecuted = (flags & FORKED_NOT_EXECUTED) === 0;
  const isKernel = (flags & KERNEL_THREAD) !== 0;
  const [comm, reapedFaults] = [text.slice(open + 1, close), minor + major];
  return { pid, comm, state, ppid, pgrp, session, startTicks, hasExecuted, reapedFaults, isKernel };
}

/** The files in /proc/<pid>/maps, each once, with a newline in a name written as `\\012`. Those that were deleted end in ` (deleted)`. */
export function mappedPaths(text: string): ReadonlySet<string> {
  const paths = new Set<string>();
  // address perms offset dev inode pathname; only the last holds blanks.
  for (const [, path] of text.matchAll(/^\S+ \S+ \S+ \S+ \d+ +(\/.*)$/gm)) if (path !== undefined) paths.add(path);
  return paths;
}

export interface ProcessUids {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
}

/** The `Uid:` line of /proc/<pid>/status. The owner of the folder /proc/<pid> is no substitute: root, if not dumpable. */
export function parseStatusUids(text: string): ProcessUids | undefined {
  const line = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+$/m.exec(text);
  const [real, effective, saved] = [integer(line?.[1]), integer(line?.[2]), integer(line?.[3])];
  if (real === undefined || effective === undefined || saved === undefined) return undefined;
  return { real, effective, saved };
}

/** Of include/net/tcp_states.h, as /proc/net/tcp prints them. */
export const TCP_LISTEN = 0x0a;
/** Open for an answer: TCP_ESTABLISHED, and TCP_CLOSE_WAIT, whose client has said all that it had to say. */
export const TCP_OPEN: ReadonlySet<number> = new Set([0x01, 0x08]);

export interface SocketRow {
  /** IPv4 dotted, or IPv6 as eight groups without leading zeros. */
  readonly address: string;
  readonly port: number;
  readonly state: number;
  readonly inode: bigint;
}

/**
 * /proc/net/tcp and tcp6: both tables have the same columns, and addresses as 32-bit words in host order. `states`: only rows of
 * these; a busy host has thousands of others, connections that are long closed.
 */
export function parseSocketTable(text: string, states?: ReadonlySet<number>): SocketRow[] {
  const rows: SocketRow[] = [];
  for (const line of text.split("\n")) {
    if (states !== undefined && !states.has(stateOfRow(line))) continue;
    const fields = line.trim().split(/\s+/);
    const local = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(fields[1] ?? "");
    const [hex, port] = [local?.[1], local?.[2]];
    if (hex === undefined || port === undefined || !/^\d+$/.test(fields[9] ?? "")) continue;
    rows.push({
      address: socketAddress(hex),
      port: Number.parseInt(port, 16),
      state: Number.parseInt(fields[3] ?? "", 16),
      inode: BigInt(fields[9] ?? ""),
    });
  }
  return rows;
}

/** `sl: local_address rem_address st`; both addresses are of one length. */
function stateOfRow(line: string): number {
  const address = line.indexOf(":") + 2;
  const end = line.indexOf(" ", address);
  const state = end + 1 + (end - address) + 1;
  return Number.parseInt(line.slice(state, state + 2), 16);
}

/** Little-endian words: that is x86-64 and arm64, the machines that Node's releases for Linux servers run on. */
function socketAddress(hex: string): string {
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let at = 6; at >= 0; at -= 2) bytes.push(Number.parseInt(hex.slice(word + at, word + at + 2), 16));
  }
  if (bytes.length === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 2) {
    groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  }
  return groups.join(":");
}

/** SO_ACCEPTCON of include/linux/net.h (`__SO_ACCEPTCON`): the unix socket listens. */
const UNIX_LISTENS = 0x10000;

export interface UnixSocketRow {
  readonly inode: bigint;
  readonly isListening: boolean;
  /** A connection that was accepted: it has its listener's path, which a client's end has not. */
  readonly isAccepted: boolean;
}

/** SS_CONNECTED of include/uapi/linux/net.h, as /proc/net/unix prints it. */
const UNIX_CONNECTED = "03";

/** /proc/net/unix: `Num RefCount Protocol Flags Type St Inode [Path]`. What a path says is of no use to us: it may be stale. */
export function parseUnixSocketTable(text: string): UnixSocketRow[] {
  const rows: UnixSocketRow[] = [];
  for (const line of text.split("\n")) {
    const row = /^[0-9a-f]+: [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{4} ([0-9A-F]{2})\s+(\d+)( .)?/i.exec(line);
    const [, flags, state, inode, path] = row ?? [];
    if (flags === undefined || inode === undefined) continue;
    const isListening = (Number.parseInt(flags, 16) & UNIX_LISTENS) !== 0;
    rows.push({ inode: BigInt(inode), isListening, isAccepted: state === UNIX_CONNECTED && path !== undefined });
  }
  return rows;
}

/** The inode in the target of a link in /proc/<pid>/fd, `socket:[123]`; undefined for everything else. */
export function socketInode(target: string): bigint | undefined {
  const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
  return inode === undefined ? undefined : BigInt(inode);
}

export interface EpollTarget {
  /** The fd at the time it was added; it may have been closed or taken by another file since. */
  readonly fd: number;
  /** Kernels before 4.13 do not say. */
  readonly inode: bigint | undefined;
  /** It is waited on until it can be written to, which a socket that listens never can. */
  readonly forWriting: boolean;
}

/** EPOLLOUT of include/uapi/linux/eventpoll.h. */
const FOR_WRITING = 0x4;

/** /proc/<pid>/fdinfo/<fd> of an epoll set: one `tfd:` line for each file in it, its inode in hex. */
export function parseEpollFdinfo(text: string): EpollTarget[] {
  const targets: EpollTarget[] = [];
  for (const line of text.matchAll(/^tfd:\s*(\d+)\s.*$/gm)) {
    const fd = integer(line[1]);
    const inode = /\sino:([0-9a-f]+)/.exec(line[0])?.[1];
    const events = /\sevents:\s*([0-9a-f]+)/.exec(line[0])?.[1] ?? "0";
    const forWriting = (Number.parseInt(events, 16) & FOR_WRITING) !== 0;
    if (fd !== undefined)
      targets.push({ fd, inode: inode === undefined ? undefined : BigInt(`0x${inode}`), forWriting });
  }
  return targets;
}

/** include/uapi/linux/io_uring.h: IORING_OP_POLL_ADD, IORING_OP_ACCEPT. */
const RING_WAITS = /^\s*op=(?:6|13),/m;

/**
 * /proc/<pid>/fdinfo/<fd> of an io_uring: whether it may wait for connections. Its pending waits are listed; libuv's rings,
 * which every Node has, have none. Where the kernel does not list them, it may.
 */
export function ringMayAccept(text: string): boolean {
  const [, pending] = text.split(/^PollList:$/m);
  return pending === undefined || RING_WAITS.test(pending);
}

/**
 * What a thread waits in, as far as it tells who accepts. Addresses are in the memory of that process.
 * `accept`: on this one fd. `select`: `readSet` is an fd_set of `count` bits. `poll`: `list` is `count` struct pollfd.
 */
export type Wait =
  | { readonly call: "accept"; readonly fd: number }
  | { readonly call: "select"; readonly count: number; readonly readSet: bigint }
  | { readonly call: "poll"; readonly count: number; readonly list: bigint }
  | { readonly call: "other" };

type WaitingCall = "accept" | "select" | "poll";

/** arch/x86/entry/syscalls/syscall_64.tbl: poll, select, accept, pselect6, ppoll, accept4. */
const CALLS_X64: ReadonlyMap<number, WaitingCall> = new Map([
  [7, "poll"],
  [23, "select"],
  [43, "accept"],
  [270, "select"],
  [271, "poll"],
  [288, "accept"],
]);
/** include/uapi/asm-generic/unistd.h, which arm64, riscv64 and loongarch64 share: pselect6, ppoll, accept, accept4. */
const CALLS_GENERIC: ReadonlyMap<number, WaitingCall> = new Map([
  [72, "select"],
  [73, "poll"],
  [202, "accept"],
  [242, "accept"],
]);

/**
 * /proc/<pid>/task/<tid>/syscall: `running`, or the call's number (decimal), six arguments (hex), sp and pc. `arch` is
 * Node's name of the machine; a 32-bit process on it has other numbers and is told as `other`.
 */
export function parseSyscall(text: string, arch: string): Wait {
  const [number, first, second] = text.trim().split(/\s+/);
  const call = (arch === "x64" ? CALLS_X64 : CALLS_GENERIC).get(integer(number) ?? -1);
  if (call === undefined || !isHex(first) || !isHex(second)) return { call: "other" };
  // poll(list, count): the other two have the number first. ints are 32 bits of a 64-bit register.
  const count = Number(BigInt.asIntN(32, BigInt(call === "poll" ? second : first)));
  if (call === "accept") return { call, fd: count };
  if (call === "select") return { call, count, readSet: BigInt(second) };
  return { call, count, list: BigInt(first) };
}

/**
 * `release`: of the kernel, uname(2). Before 5.7 a read of that file waits until an execve(2) of the process is over, also where its
 * binary lies on a file system that does not answer (fs/proc/base.c, lock_trace: cred_guard_mutex).
 */
export function syscallWaitsForExec(release: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(major) < 5 || (Number(major) === 5 && Number(minor) < 7);
}

/** The fds in a little-endian fd_set (select(2)) of `count` bits. */
export function fdsOfSelect(readSet: Uint8Array, count: number): number[] {
  const fds: number[] = [];
  for (let fd = 0; fd < Math.min(count, readSet.length * 8); fd++) {
    if (((readSet[fd >> 3] ?? 0) & (1 << (fd & 7))) !== 0) fds.push(fd);
  }
  return fds;
}

const POLLFD_BYTES = 8;
const POLLIN = 0x1;

/** The fds that an array of struct pollfd {int fd; short events; short revents} waits to read from (poll(2)). */
export function fdsOfPoll(list: Uint8Array): number[] {
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  const fds: number[] = [];
  for (let at = 0; at + POLLFD_BYTES <= list.byteLength; at += POLLFD_BYTES) {
    const fd = view.getInt32(at, true);
    if (fd >= 0 && (view.getInt16(at + 4, true) & POLLIN) !== 0) fds.push(fd);
  }
  return fds;
}

function isHex(word: string | undefined): word is string {
  return word !== undefined && /^0x[0-9a-f]{1,16}$/.test(word);
}

function integer(word: string | undefined): number | undefined {
  return word !== undefined && /^-?\d+$/.test(word) ? Number(word) : undefined;
}
