/** Which sockets listen, in the network namespace of a process. */
import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseSocketTable, parseUnixSocketTable, TCP_LISTEN } from "../../core/process/proc.ts";
import { errnoOf } from "../files.ts";

const CHUNK_BYTES = 64 * 1024;

/** Inodes of the listening sockets in the namespace of `pid`. */
export type ListeningSockets = (pid: number) => Promise<ReadonlySet<bigint>>;

/** Reads each namespace's tables once: to be made for one look at some processes, and then thrown away. */
export function listeningSockets(root: string): ListeningSockets {
  const byNamespace = new Map<bigint, Promise<ReadonlySet<bigint>>>();
  return async (pid) => {
    const namespace = (await stat(join(root, `${pid}`, "ns/net"), { bigint: true })).ino;
    const known = byNamespace.get(namespace) ?? readTables(join(root, `${pid}`, "net"));
    byNamespace.set(namespace, known);
    return known;
  };
}

async function readTables(folder: string): Promise<ReadonlySet<bigint>> {
  const inodes = new Set<bigint>();
  for (const table of ["tcp", "tcp6"]) {
    const text = await readListeners(join(folder, table));
    for (const row of parseSocketTable(text)) if (row.state === TCP_LISTEN) inodes.add(row.inode);
  }
  for (const row of parseUnixSocketTable(await readOrEmpty(join(folder, "unix")))) {
    if (row.isListening) inodes.add(row.inode);
  }
  return inodes;
}

/**
 * The head of a TCP table, up to the first socket that does not listen. The kernel prints the listeners first
 * (net/ipv4/tcp_ipv4.c, tcp_seq_start), and with 100,000 connections the rest would be 15 MB at every look.
 */
async function readListeners(path: string): Promise<string> {
  const file = await open(path, "r").catch(nothingThere);
  if (file === undefined) return "";
  try {
    let text = "";
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, null);
      text += chunk.toString("latin1", 0, bytesRead);
      if (bytesRead === 0 || parseSocketTable(text).some((row) => row.state !== TCP_LISTEN)) return text;
    }
  } finally {
    await file.close();
  }
}

async function readOrEmpty(path: string): Promise<string> {
  return (await readFile(path, "latin1").catch(nothingThere)) ?? "";
}

/** No IPv6, or no unix sockets in this kernel: then nothing listens on them. */
function nothingThere(error: unknown): undefined {
  if (errnoOf(error) === "ENOENT") return undefined;
  throw error;
}
