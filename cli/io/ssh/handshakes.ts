/**
 * How many strangers an sshd lets in at once is limited (sshd_config(5), MaxStartups: it drops some from ten on), so
 * handshakes with one server queue, and one that it dropped is tried again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ZdrError } from "../../failure.ts";
import { type Slots, slots } from "../session/slots.ts";

/** Below the ten at which sshd begins to drop by default. */
export const HANDSHAKES_AT_ONCE = 8;
/** Waits before another try, in ms, each with up to as much again by chance so that many do not come back together. */
export const DROPPED_PAUSES_MS = [100, 300, 1_000, 2_000, 4_000] as const;

/** Runs handshakes with servers; the server is named by its address and port. */
export type Handshake = <T>(server: string, connect: () => Promise<T>) => Promise<T>;

export function handshakes(pausesMs: readonly number[] = DROPPED_PAUSES_MS): Handshake {
  const queues = new Map<string, Slots>();
  return async (server, connect) => {
    const queue = queues.get(server) ?? slots(HANDSHAKES_AT_ONCE);
    queues.set(server, queue);
    return queue(async () => {
      for (const pauseMs of pausesMs) {
        try {
          return await connect();
        } catch (error) {
          if (!isDropped(error)) throw error;
          await sleep(pauseMs * (1 + Math.random()));
        }
      }
      return await connect();
    });
  };
}

function isDropped(error: unknown): boolean {
  if (!(error instanceof ZdrError) || error.failure.kind !== "link") return false;
  const { link } = error.failure;
  return link.kind === "handshake" && link.isDropped === true;
}
