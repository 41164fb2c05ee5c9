/** Requests of a session: the one that travels early, those that nothing has to be undone after, and the one too long to send. */
import { REQUEST_LINE_LIMIT_BYTES, type Verb } from "../../../agent/protocol.ts";
import { formatBytes } from "../../core/report/units.ts";
import { ZdrError } from "../../failure.ts";
import type { EarlyRequest } from "./agent-session.ts";

export const FIRST_ID = 1;

/** What would not fit into every host's limits for a command goes to stdin like any other request. */
const EARLY_LIMIT_LENGTH = 16 * 1024;

export function earlyLine(early: EarlyRequest | undefined): string | undefined {
  if (early === undefined) return undefined;
  const line = `${JSON.stringify({ verb: early.verb, id: FIRST_ID, ...early.body })}\n`;
  return line.length > EARLY_LIMIT_LENGTH ? undefined : line;
}

/** Whether a session holds no lock and no upload after this answer: then nobody has to see it end. */
export function leavesNothing(verb: Verb, result: object): boolean {
  return HOLDS_NOTHING.has(verb) || "unchanged" in result;
}
const HOLDS_NOTHING: ReadonlySet<Verb> = new Set([
  "status",
  "settle",
  "unlock",
  "freeze",
  "unfreeze",
  "history",
  "verify",
  "doctor",
  "logs",
]);

/** Only a manifest can be that long. */
export function tooManyFiles(): ZdrError {
  const limit = formatBytes(REQUEST_LINE_LIMIT_BYTES);
  const problem = `has so many files that the list of them is longer than ${limit}, which is what an agent takes`;
  return new ZdrError({ kind: "build", problem, hint: "put what is never changed into an archive inside the build" });
}
