/**
 * A far-away host: a TCP proxy that holds every byte back by a constant time in each direction.
 *
 * What it models: propagation. Order is kept, nothing is lost, throughput is not limited, and a connection costs its
 * three-way handshake (a byte of the server's arrives two round trips after connect() was called, as on a real line).
 * What it does not model: Nagle's algorithm and slow start act only between loopback's ends, so they cost no round trips.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { resetSocket } from "./reset.ts";

export interface DelayProxyOptions {
  readonly target: { readonly host?: string; readonly port: number };
  /** Half a round trip; 0 makes it a plain proxy. */
  readonly oneWayMs: number;
}

export interface DelayProxy {
  readonly port: number;
  /**
   * What has been passed on, in bytes by direction; how many connections there were; and how often the client answered
   * to what it had got, which is the number of round trips where nothing overlaps (a connection itself costs one more).
   */
  counts(): { readonly up: number; readonly down: number; readonly connections: number; readonly turns: number };
  /** Resets every connection at once on both sides, as a broken line does. */
  cut(): void;
  /** Resets every connection on the client's side; the server's side is told nothing, and gets nothing any more. */
  cutNear(): void;
  /** From now on, whether each new connection is reset as soon as it is made. */
  refuse(isRefusing: boolean): void;
  /** Passes nothing on any more over the connections that there are, and tells nobody, as a line does that dies without a word. */
  freeze(): void;
  /** Does so once as many bytes more have been passed on towards the server. */
  cutAfter(bytesUp: number): void;
  freezeAfter(bytesUp: number): void;
  close(): Promise<void>;
}

/** A fast sender with a slow reader behind it is held here, so that memory stays bounded. */
const HELD_LIMIT_BYTES = 64 * 1024 * 1024;

export async function startDelayProxy({ target, oneWayMs }: DelayProxyOptions): Promise<DelayProxy> {
  const counts = { up: 0, down: 0, connections: 0, turns: 0 };
  let lastDirection: "up" | "down" = "down";
  const sockets = new Set<Socket>();
  const frozen = new Set<Socket>();
  const nears = new Set<Socket>();
  let isRefusing = false;
  let end: { readonly up: number; readonly act: () => void } | undefined;
  const forward = (from: Socket, to: Socket, direction: "up" | "down", earliest: number) => {
    const count = (bytes: number) => {
      counts[direction] += bytes;
      if (direction === "up" && lastDirection === "down") counts.turns++;
      lastDirection = direction;
      if (end === undefined || counts.up < end.up) return;
      const { act } = end;
      end = undefined;
      act();
    };
    delay(from, to, { oneWayMs, earliest, isFrozen: () => frozen.has(from), count });
  };
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    if (isRefusing) {
      resetSocket(near);
      return;
    }
    counts.connections++;
    nears.add(near);
    near.once("close", () => nears.delete(near));
    // SYN, SYN-ACK and ACK: the server sees the connection one and a half round trips after it was asked for.
    const accepted = performance.now() + 3 * oneWayMs;
    near.pause();
    const timer = setTimeout(() => {
      const far = connect({ host: target.host ?? "127.0.0.1", port: target.port, noDelay: true, allowHalfOpen: true });
      for (const socket of [near, far]) {
        sockets.add(socket);
        const other = socket === near ? far : near;
        socket.on("error", () => {
          if (!frozen.has(socket)) resetSocket(other);
        });
        socket.on("close", () => {
          sockets.delete(socket);
          if (!socket.readableEnded && !frozen.has(socket)) other.destroy();
          frozen.delete(socket);
        });
      }
      forward(near, far, "up", accepted);
      forward(far, near, "down", accepted);
    }, 3 * oneWayMs);
    near.once("close", () => clearTimeout(timer));
    near.on("error", () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const cut = () => {
    for (const socket of sockets) resetSocket(socket);
  };
  const freeze = () => {
    for (const socket of sockets) frozen.add(socket);
  };
  const cutNear = () => {
    freeze();
    for (const near of nears) resetSocket(near);
  };
  return {
    port: (server.address() as AddressInfo).port,
    counts: () => ({ ...counts }),
    cut,
    cutNear,
    refuse: (refuses) => {
      isRefusing = refuses;
    },
    freeze,
    cutAfter: (bytesUp) => {
      end = { up: counts.up + bytesUp, act: cut };
    },
    freezeAfter: (bytesUp) => {
      end = { up: counts.up + bytesUp, act: freeze };
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Line {
  readonly oneWayMs: number;
  /** Nothing arrives before the connection does. */
  readonly earliest: number;
  readonly isFrozen: () => boolean;
  readonly count: (bytes: number) => void;
}

/** One direction. `null` in the queue is the end of the stream. */
function delay(from: Socket, to: Socket, { oneWayMs, earliest, isFrozen, count }: Line): void {
  const queue: { readonly chunk: Buffer | null; readonly at: number }[] = [];
  let held = 0;
  let timer: NodeJS.Timeout | undefined;
  const deliver = () => {
    timer = undefined;
    while (queue[0] !== undefined && queue[0].at <= performance.now() + 0.5) {
      const { chunk } = queue.shift() ?? {};
      if (isFrozen() || to.destroyed) continue;
      if (chunk === null || chunk === undefined) {
        to.end();
        continue;
      }
      count(chunk.length);
      to.write(chunk, () => {
        held -= chunk.length;
        if (held < HELD_LIMIT_BYTES) from.resume();
      });
    }
    schedule();
  };
  const schedule = () => {
    if (queue[0] === undefined || timer !== undefined) return;
    timer = setTimeout(deliver, Math.max(0, queue[0].at - performance.now()));
  };
  const accept = (chunk: Buffer | null) => {
    queue.push({ chunk, at: Math.max(earliest, performance.now() + oneWayMs) });
    schedule();
  };
  from.on("data", (chunk: Buffer) => {
    held += chunk.length;
    if (held >= HELD_LIMIT_BYTES) from.pause();
    accept(chunk);
  });
  from.on("end", () => accept(null));
  from.resume();
}
