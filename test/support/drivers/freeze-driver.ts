/** One operator among several who want to lock a host at the same moment, as often as it is told to: a thread, so that they really do. */
import { parentPort, workerData } from "node:worker_threads";
import { AgentError } from "../../../agent/core/failure.ts";
import { layoutOf } from "../../../agent/core/layout.ts";
import { writeFreeze } from "../../../agent/io/freeze.ts";

export interface FreezeRace {
  readonly deployTo: string;
  readonly name: string;
  /** Counts up by one for each round. */
  readonly start: Int32Array;
}

const { deployTo, name, start } = workerData as FreezeRace;
const by = { user: name, host: "laptop" };

parentPort?.on("message", (round: number) => {
  // A wait that sleeps would wake them one after the other.
  while (Atomics.load(start, 0) < round);
  parentPort?.postMessage(attempt());
});

function attempt(): string | undefined {
  try {
    const now = new Date();
    writeFreeze(layoutOf(deployTo), { by, why: "freeze", since: now.toISOString() }, now);
    return name;
  } catch (error) {
    if (error instanceof AgentError && error.failure.reason === "frozen") return undefined;
    throw error;
  }
}
