/** What clients lost, counted from outside. */
import type { LoadRequest, LoadResult } from "../load/load.ts";

export interface Losses {
  readonly sent: number;
  readonly failed: number;
  /** Of those that failed: nobody listened. */
  readonly refused: number;
  /** The longest time without an answer that did not fail. */
  readonly silenceMs: number;
}

export function lossesOf({ requests, sent, failed }: LoadResult): Losses {
  const refused = requests.filter(({ error }) => error?.includes("ECONNREFUSED")).length;
  return { sent, failed, refused, silenceMs: Math.round(longestSilence(requests)) };
}

function longestSilence(requests: readonly LoadRequest[]): number {
  const answers = requests.filter(({ outcome }) => outcome === "ok").map(({ doneAt }) => doneAt);
  return answers.reduce((longest, at, index) => Math.max(longest, at - (answers[index - 1] ?? at)), 0);
}

/** What became of a request that a process had accepted, and did not answer: nothing else may be lost in a crash. */
const CUT = /^(?:closed without an answer|cut|read ECONNRESET|write EPIPE)$/;

/** Those that failed otherwise than by the end of the process that had accepted them, in words. */
export function notAccepted({ requests }: LoadResult): string[] {
  return requests
    .filter(({ outcome, error = "" }) => outcome === "failed" && !CUT.test(error))
    .map(({ kind, error }) => `${kind}: ${error}`);
}
