/** Looks into one process of a /proc that the test has made, and says `alive` each time that its event loop goes round. */
import { parentPort, workerData } from "node:worker_threads";
import { look } from "../../../agent/io/process/evidence.ts";

export interface LookOrder {
  readonly pid: number;
  readonly root: string;
  /** Inode of the one socket that listens. */
  readonly listening: bigint;
}

const EVERY_MS = 20;
const { pid, root, listening } = workerData as LookOrder;

const timer = setInterval(() => parentPort?.postMessage("alive"), EVERY_MS);
const seen = await look(pid, [], () => new Set([listening]), root);
clearInterval(timer);
parentPort?.postMessage(seen.outcome === "seen" ? `accepts: ${seen.facts.accepts}` : seen.outcome);
