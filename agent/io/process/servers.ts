/** Processes found by what they were started with: for when nobody else can say whose they are. */
import { readFileSync } from "node:fs";
import { type Inspection, inspectProcesses, type ReleaseWant } from "./inspect.ts";
import { tcpListeners } from "./listening.ts";
import { type ListedProcess, listProcesses, PROC } from "./processes.ts";

export type Environment = ReadonlyMap<string, string>;

export interface Started extends Pick<ListedProcess, "pid" | "ppid" | "startTicks"> {
  readonly environment: Environment;
  /** The release that it runs, where that can be told. */
  readonly release: string | undefined;
  /** The listening sockets that it holds. */
  readonly holds: Inspection["holds"];
}

/**
 * Those that were started with such an environment. That of another user's processes is closed to all but root. `others`
 * are not looked at.
 */
export async function findStarted(
  isWanted: (environment: Environment) => boolean,
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
    return about === undefined ? [] : [{ ...about, pid, holds, release: exeRelease ?? cwdRelease }];
  });
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
