/** `--parallel 8`: how many hosts are sent a release at a time. */
import { ZdrError } from "../failure.ts";

/** One machine's uplink is full long before, and each upload holds some MB of memory. */
export const PARALLEL = 8;

/** @throws ZdrError `usage`. */
export function parallelOf(text: string | undefined): number {
  if (text === undefined) return PARALLEL;
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  const hint = `a number of hosts, from 1 on: "--parallel ${PARALLEL}"`;
  throw new ZdrError({ kind: "usage", problem: `--parallel ${JSON.stringify(text)} is no number of hosts`, hint });
}
