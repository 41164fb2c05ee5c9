/** Processes found by what they were started with: for when nobody else can say whose they are. */
import { readFileSync } from "node:fs";
import { type Inspection, inspectProcesses, type ReleaseWant } from "./inspect.ts";
import { tcpListeners } from "./listening.ts";
import { type ListedProcess, PROC } from "./processes.ts";

export type Environment = ReadonlyMap<string, string>;

export interface Started extends Pick<ListedProcess, "pid" | "ppid"> {
  readonly environment: Environment;
  /** The release that it runs, where that can be told. */
  readonly release: string | undefined;
  /** The listening sockets that it holds. */
  readonly holds: Inspection["holds"];
}

/**
 * Those that were started with such an environment before `startTicks`, and what came from them. That of another user's
 * processes is closed to all but root.
 */
export async function findStarted(
  isWanted: (environment: Environment) => boolean,
  releases: readonly ReleaseWant[],
  startTicks: number,
  processes: readonly ListedProcess[],
): Promise<Started[]> {
  const all = processes.filter(({ isZombie, isKernel }) => !isZombie && !isKernel);
  const older = wantedOf(
    all.filter((process) => process.startTicks < startTicks),
    isWanted,
  );
  if (older.size === 0) return [];
  const ours = new Map(older);
  // A child may have a lower pid than its parent: go on until nobody is added.
  for (let before = -1; before !== ours.size; ) {
    before = ours.size;
    const children = all.filter(({ pid, ppid }) => ours.has(ppid) && !ours.has(pid));
    for (const [pid, child] of wantedOf(children, isWanted)) ours.set(pid, child);
  }
  const found = await inspectProcesses([...ours.keys()], releases);
  return found.flatMap(({ pid, holds, exeRelease, cwdRelease }): Started[] => {
    const about = ours.get(pid);
    return about === undefined ? [] : [{ ...about, holds, release: exeRelease ?? cwdRelease }];
  });
}

function wantedOf(processes: readonly ListedProcess[], isWanted: (environment: Environment) => boolean) {
  const wanted = new Map<number, Pick<Started, "pid" | "ppid" | "environment">>();
  for (const { pid, ppid } of processes) {
    const environment = environmentOf(pid);
    if (isWanted(environment)) wanted.set(pid, { pid, ppid, environment });
  }
  return wanted;
}

/** As it was when the process was started; empty where that is closed to this user. */
function environmentOf(pid: number): Environment {
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

/** `127.0.0.1:8080`, or `a unix socket`; none of a process that does not listen. */
export function addressesOf({ pid, holds }: Pick<Started, "pid" | "holds">): string[] {
  if (holds.length === 0) return [];
  const addresses = tcpListeners(PROC, pid)
    .filter(({ inode }) => holds.includes(inode))
    .map(({ address, port }) => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`));
  return addresses.length > 0 ? [...new Set(addresses)] : ["a unix socket"];
}
