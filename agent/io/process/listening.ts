/** Which sockets listen, in the network namespace of a process. */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseSocketTable, parseUnixSocketTable, type SocketRow, TCP_LISTEN } from "../../core/process/proc.ts";
import { errnoOf } from "../files.ts";
import { PROC } from "./processes.ts";

const CHUNK_BYTES = 64 * 1024;
/** One for all reads, which do not overlap: a keeper looks many times a second, and V8 gives such buffers back late. */
let chunk: Buffer | undefined;

/** Inodes of the listening sockets in the namespace of `pid`. */
export type ListeningSockets = (pid: number) => ReadonlySet<bigint>;

/** Reads each namespace's tables once: to be made for one look at some processes, and then thrown away. */
export function listeningSockets(root: string): ListeningSockets {
  const byNamespace = new Map<bigint, ReadonlySet<bigint>>();
  return (pid) => {
    const namespace = statSync(join(root, `${pid}`, "ns/net"), { bigint: true }).ino;
    const known = byNamespace.get(namespace) ?? readTables(join(root, `${pid}`, "net"));
    byNamespace.set(namespace, known);
    return known;
  };
}

/** Who listens on TCP in the namespace of `pid`. */
export function tcpListeners(root: string = PROC, pid: number | "self" = "self"): SocketRow[] {
  const folder = join(root, `${pid}`, "net");
  const rows = ["tcp", "tcp6"].flatMap((table) => parseSocketTable(readListeners(join(folder, table))));
  return rows.filter(({ state }) => state === TCP_LISTEN);
}

function readTables(folder: string): ReadonlySet<bigint> {
  const inodes = new Set<bigint>();
  for (const table of ["tcp", "tcp6"]) {
    const text = readListeners(join(folder, table));
    for (const row of parseSocketTable(text)) if (row.state === TCP_LISTEN) inodes.add(row.inode);
  }
  for (const row of parseUnixSocketTable(readOrEmpty(join(folder, "unix")))) {
    if (row.isListening) inodes.add(row.inode);
  }
  return inodes;
}

/**
 * The head of a TCP table, up to the first socket that does not listen. The kernel prints the listeners first
 * (net/ipv4/tcp_ipv4.c, tcp_seq_start), and with 100,000 connections the rest would be 15 MB at every look.
 */
function readListeners(path: string): string {
  const fd = unlessNothing(() => openSync(path, "r"));
  if (fd === undefined) return "";
  try {
    let text = "";
    chunk ??= Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const length = readSync(fd, chunk);
      text += chunk.toString("latin1", 0, length);
      if (length === 0 || parseSocketTable(text).some((row) => row.state !== TCP_LISTEN)) return text;
    }
  } finally {
    closeSync(fd);
  }
}

function readOrEmpty(path: string): string {
  return unlessNothing(() => readFileSync(path, "utf8")) ?? "";
}

/** No IPv6, or no unix sockets in this kernel: then nothing listens on them. */
function unlessNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
