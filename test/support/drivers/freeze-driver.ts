/** One operator among several who lock and unlock a host at the same moment, as often as it is told to: a thread, so that they really do. */
import { parentPort, workerData } from "node:worker_threads";
import { AgentError } from "../../../agent/core/failure.ts";
import { layoutOf } from "../../../agent/core/layout.ts";
import { endFreeze, readFreeze, writeFreeze } from "../../../agent/io/freeze.ts";

export interface FreezeRace {
  readonly deployTo: string;
  readonly name: string;
  /** Counts up by one for each round. */
  readonly start: Int32Array;
}

/** `holder`: who had it, as this operator saw it right after it was done. */
export interface FreezeAttempt {
  readonly name: string;
  readonly did: "locked" | "was told" | "unlocked" | "found nothing to unlock";
  readonly holder: string | undefined;
}

const { deployTo, name, start } = workerData as FreezeRace;
const layout = layoutOf(deployTo);
const by = { user: name, host: "laptop" };

parentPort?.on("message", ({ round, unlocks }: { round: number; unlocks: boolean }) => {
  Atomics.wait(start, 0, round - 1);
  const did = unlocks ? unlock() : lock();
  const holder = readFreeze(layout, new Date())?.by.user;
  parentPort?.postMessage({ name, did, holder } satisfies FreezeAttempt);
});

function lock(): FreezeAttempt["did"] {
  try {
    const now = new Date();
    writeFreeze(layout, { by, why: "freeze", since: now.toISOString() }, now);
    return "locked";
  } catch (error) {
    if (error instanceof AgentError && error.failure.reason === "frozen") return "was told";
    throw error;
  }
}

function unlock(): FreezeAttempt["did"] {
  return endFreeze(layout, new Date()) === undefined ? "found nothing to unlock" : "unlocked";
}
