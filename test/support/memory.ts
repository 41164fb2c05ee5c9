/** What a process really holds, for tests of things that must not pile up. */
import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

/** Bytes of heap and buffers that could not be collected. */
export function heldBytes(): number {
  if (typeof collect !== "function") throw new Error("this Node has no gc()");
  // What V8 keeps for code that may be needed again (regular expressions) goes only after it was not used for some time.
  for (let round = 0; round < 8; round++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Of a process: what it shares with no other (smaps_rollup, proc(5)). */
export async function privateMegabytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = [...text.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)].map((match) => Number(match[1]));
  return kilobytes.reduce((sum, each) => sum + each, 0) / 1024;
}
