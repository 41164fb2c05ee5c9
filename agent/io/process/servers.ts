/** Processes found by what they were started with: for when nobody else can say whose they are. */
import { readFileSync } from "node:fs";
import { parseSocketTable, TCP_LISTEN } from "../../core/process/proc.ts";
import { inspectProcesses, type ReleaseWant } from "./inspect.ts";
import { listProcesses, PROC } from "./processes.ts";

export interface Started {
  readonly pid: number;
  readonly ppid: number;
  /** In clock ticks since boot. */
  readonly startTicks: number;
  readonly environment: ReadonlyMap<string, string>;
  /** `127.0.0.1:8080`, or `a unix socket`; empty: it does not listen. */
  readonly listens: readonly string[];
  /** The release that it runs, where that can be told. */
  readonly release: string | undefined;
}

/**
 * Those that were started with such an environment. That of another user's processes is closed to all but root. `others`
 * are not looked at.
 */
export async function findStarted(
  isWanted: (environment: ReadonlyMap<string, string>) => boolean,
  releases: readonly ReleaseWant[],
  others: ReadonlySet<number>,
): Promise<Started[]> {
  const started = new Map<number, Pick<Started, "ppid" | "startTicks" | "environment">>();
  for (const { pid, ppid, startTicks, isZombie } of listProcesses()) {
    if (isZombie || others.has(pid)) continue;
    const environment = environmentOf(pid);
    if (isWanted(environment)) started.set(pid, { ppid, startTicks, environment });
  }
  if (started.size === 0) return [];
  const found = await inspectProcesses([...started.keys()], releases);
  return found.flatMap(({ pid, holds, exeRelease, cwdRelease }): Started[] => {
    const about = started.get(pid);
    if (about === undefined) return [];
    const listens = holds.length === 0 ? [] : addressesOf(pid, new Set(holds));
    return [{ ...about, pid, listens, release: exeRelease ?? cwdRelease }];
  });
}

/** Whether anybody listens on a TCP port here, whoever that is. */
export function isListenedOn(port: number): boolean {
  const rows = ["tcp", "tcp6"].flatMap((table) => parseSocketTable(tableOf("self", table)));
  return rows.some((row) => row.state === TCP_LISTEN && row.port === port);
}

/** As it was when the process was started; empty where that is closed to this user. */
function environmentOf(pid: number): ReadonlyMap<string, string> {
  try {
    const words = readFileSync(`${PROC}/${pid}/environ`, "utf8").split("\0");
    return new Map(words.filter((word) => word !== "").map(pairOf));
  } catch {
    return new Map();
  }
}

function pairOf(word: string): [string, string] {
  const at = word.indexOf("=");
  return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
}

function addressesOf(pid: number, inodes: ReadonlySet<bigint>): string[] {
  const addresses = ["tcp", "tcp6"].flatMap((table) =>
    parseSocketTable(tableOf(pid, table))
      .filter(({ state, inode }) => state === TCP_LISTEN && inodes.has(inode))
      .map(({ address, port }) => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`)),
  );
  return addresses.length > 0 ? [...new Set(addresses)] : ["a unix socket"];
}

/** A process that has just gone listens no more. */
function tableOf(pid: number | "self", table: string): string {
  try {
    return readFileSync(`${PROC}/${pid}/net/${table}`, "latin1");
  } catch {
    return "";
  }
}
