/** How many connections processes have accepted and still hold open. */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";
import { parseSocketTable, parseUnixSocketTable, socketInode, TCP_LISTEN, TCP_OPEN } from "../../core/process/proc.ts";
import { errnoOf } from "../files.ts";
import { PROC } from "./processes.ts";

const PIECE_BYTES = 16 * 1024;
const WANTED: ReadonlySet<number> = new Set([TCP_LISTEN, ...TCP_OPEN]);

/**
 * Connections to a port that somebody listens on, and to named unix sockets, so that those that a process has opened itself
 * (to its database, say) do not count. Each counts once, whoever holds it. Processes that are gone count as none; undefined:
 * one of them is not for this user to look into.
 */
export function openConnections(pids: readonly number[], root = PROC): number | undefined {
  const [first] = pids;
  if (first === undefined) return 0;
  try {
    const held = new Set(pids.flatMap((pid) => heldSockets(pid, root)));
    return [...acceptedSockets(join(root, `${first}`, "net"))].filter((inode) => held.has(inode)).length;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Inodes of the sockets that a process has open; none of one that is gone. Throws where they are not for this user to see. */
export function heldSockets(pid: number, root = PROC): bigint[] {
  const folder = `${root}/${pid}/fd`;
  const names = unlessGone(() => readdirSync(folder)) ?? [];
  return names.flatMap((name) => {
    const target = unlessGone(() => readlinkSync(`${folder}/${name}`));
    return target === undefined ? [] : (socketInode(target) ?? []);
  });
}

function acceptedSockets(folder: string): Set<bigint> {
  const rows = ["tcp", "tcp6"].flatMap((table) => {
    return readTable(join(folder, table), (lines) => parseSocketTable(lines, WANTED));
  });
  const ports = new Set(rows.filter(({ state }) => state === TCP_LISTEN).map(({ port }) => port));
  const tcp = rows.filter(({ state, port }) => TCP_OPEN.has(state) && ports.has(port));
  const unix = readTable(join(folder, "unix"), (lines) => {
    return parseUnixSocketTable(lines).filter(({ isAccepted }) => isAccepted);
  });
  return new Set([...tcp, ...unix].map(({ inode }) => inode));
}

/** Piece by piece: it has a line for each connection of the host, and a text as long as that stays in a keeper's memory. */
function readTable<T>(path: string, parse: (lines: string) => T[]): T[] {
  const fd = unlessGone(() => openSync(path, "r"));
  if (fd === undefined) return [];
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  const rows: T[] = [];
  let rest = "";
  try {
    for (;;) {
      const length = readSync(fd, piece);
      const text = rest + piece.toString("latin1", 0, length);
      const end = length === 0 ? text.length : text.lastIndexOf("\n") + 1;
      rows.push(...parse(text.slice(0, end)));
      rest = text.slice(end);
      if (length === 0) return rows;
    }
  } finally {
    closeSync(fd);
  }
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}
