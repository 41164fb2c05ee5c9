/**
 * The sockets that a build's lock is made of: one listens for as long as it holds, and says to each that comes who it is.
 * Whether somebody listens, and when that ends, is the kernel's word, whatever the holder died of and in whichever container it ran.
 */
import { hash } from "node:crypto";
import { closeSync, constants, openSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type { BuildHolder } from "../../core/build-holder.ts";

/** The folder of the sockets, by a path that is short enough for one. */
export interface Door {
  readonly folder: string;
  pathOf(name: string): string;
  /** Never throws: a name that nobody listens at holds nothing. */
  remove(name: string): void;
  close(): void;
}

/** sockaddr_un.sun_path, the shorter of Linux's (108) and macOS's (104), and room for a name. */
const PATH_LIMIT = 104 - 48;

/** A path that is longer is gone round by way of /proc, where there is one. */
export function openDoor(folder: string): Door {
  const remove = (name: string) => {
    try {
      rmSync(join(folder, name), { force: true });
    } catch {
      // It is cleared away another time.
    }
  };
  if (Buffer.byteLength(folder) <= PATH_LIMIT) {
    return { folder, pathOf: (name) => join(folder, name), remove, close: () => {} };
  }
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  return { folder, pathOf: (name) => `/proc/self/fd/${fd}/${name}`, remove, close: () => closeSync(fd) };
}

/**
 * The same by whichever way its folder is named. The build itself is its name there: where that is a link, each build may point it
 * elsewhere, and must not change what is locked by that. Machines that share a home have locks of their own: a socket of another
 * one's looks as if nobody listened.
 */
export function keyOf(build: string): string {
  return hash("sha256", `${machine()}\n${join(resolved(dirname(build)), basename(build))}`, "hex").slice(0, 16);
}

/** The kernel that runs, whatever a container is called; without /proc, the host's name. */
function machine(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return hostname();
  }
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(resolved(parent), basename(path));
  }
}

/** What closes it, and takes its name away. Rejects with what the system says. */
export async function listenAt(door: Door, name: string, holder: BuildHolder): Promise<() => void> {
  const guests = new Set<Socket>();
  const server = createServer((guest) => {
    guests.add(guest);
    guest.unref();
    guest.on("error", () => {}).on("close", () => guests.delete(guest));
    guest.write(`${JSON.stringify(holder)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject).listen(door.pathOf(name), resolve);
  });
  server.unref();
  return () => {
    server.close();
    for (const guest of guests) guest.destroy();
    door.remove(name);
  };
}

export interface Seen {
  /** undefined: it was about to go. */
  readonly holder: Promise<BuildHolder | undefined>;
  /** True once it has gone; false: the time is over, or the wait was ended. */
  gone(withinMs: number, stop: AbortSignal): Promise<boolean>;
  end(): void;
}

/** One that is stopped (Ctrl-Z) says nothing and holds all the same. */
const SAYS_WITHIN_MS = 2_000;
const LINE_LIMIT_CHARS = 4_096;

/** The last: whoever listened has just closed it. */
const NOBODY: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOENT", "ECONNRESET"]);

/** undefined: nobody listens there. Rejects where that can not be known. */
export async function connectTo(door: Door, name: string): Promise<Seen | undefined> {
  const socket = connect(door.pathOf(name));
  const isThere = await new Promise<boolean>((resolve, reject) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (NOBODY.has(error.code ?? "")) resolve(false);
      else reject(error);
    });
  });
  if (!isThere) return undefined;
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const holder = readHolder(socket, closed);
  return {
    holder,
    gone: async (withinMs, stop) => {
      const over = new AbortController();
      const time = new Promise<false>((resolve) => {
        const timer = setTimeout(() => resolve(false), Math.max(0, withinMs));
        const stopped = () => resolve(false);
        stop.addEventListener("abort", stopped);
        over.signal.addEventListener("abort", () => {
          clearTimeout(timer);
          stop.removeEventListener("abort", stopped);
        });
        if (stop.aborted) stopped();
      });
      const isGone = await Promise.race([closed.then(() => true), time]);
      over.abort();
      return isGone;
    },
    end: () => socket.destroy(),
  };
}

function readHolder(socket: Socket, closed: Promise<void>): Promise<BuildHolder | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const finish = () => {
      clearTimeout(timer);
      resolve(parseHolder(text));
    };
    const timer = setTimeout(finish, SAYS_WITHIN_MS);
    void closed.then(() => {
      clearTimeout(timer);
      resolve(undefined);
    });
    socket.setEncoding("utf8").on("data", (piece: string) => {
      if (text.length < LINE_LIMIT_CHARS) text += piece;
      if (text.includes("\n")) finish();
    });
  });
}

const UNKNOWN: BuildHolder = { pid: 0, why: "", since: "" };

function parseHolder(text: string): BuildHolder {
  try {
    const { pid, why, since } = JSON.parse(text);
    return typeof pid === "number" && typeof why === "string" && typeof since === "string"
      ? { pid, why, since }
      : UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}
