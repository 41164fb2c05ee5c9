/**
 * What was seen of the last activations, one file each. The ledger has the verdicts; these have the course of things.
 *
 * - None of them is needed for anything but `zdr report`: one that can not be written is a warning, one that can not be read is not
 *   there.
 * - There are no more than TRACES_KEPT, and none is larger than TRACE_BYTES. They outlive their releases: that of a
 *   release which failed goes at once, and how it failed is asked afterwards.
 */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { AgentError } from "../core/failure.ts";
import { type Layout, PRIVATE_FILE_MODE } from "../core/layout.ts";
import type { LedgerEntry } from "../core/ledger.ts";
import { discardFile, errnoOf, ifThere, replaceFile } from "../io/files.ts";
import { moment } from "../io/moment.ts";
import { makeFolder } from "../io/release/manifests.ts";
import { ActivationTrace } from "../wire/trace/trace.ts";

/** Of how many activations traces are kept. */
export const TRACES_KEPT = 20;
export const TRACE_BYTES = 512 * 1024;
/** Names come from the CLI, too. */
const NAME = /^[0-9A-Za-z-]{1,64}$/;
const SUFFIX = ".json";

/** Undefined, or why it could not be written. A trace that is too large keeps what fits: first the meters go, then all of it. */
export function leaveTrace(layout: Layout, trace: ActivationTrace): string | undefined {
  const text = [trace, { ...trace, meters: [] }].map((one) => JSON.stringify(one)).find(fits);
  if (text === undefined || !NAME.test(trace.activation)) return undefined;
  try {
    makeFolder(layout.traces);
    replaceFile(layout.trace(trace.activation), text, PRIVATE_FILE_MODE);
    moment("trace: left");
    return undefined;
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const { failure } = error;
    return `what the meter saw could not be kept for zdr report: ${failure.reason === "io" ? failure.code : failure.reason}`;
  }
}

const fits = (text: string) => Buffer.byteLength(text) <= TRACE_BYTES;

/** Undefined: there is none, or nothing that can be believed. */
export function readTrace(layout: Layout, activation: string): ActivationTrace | undefined {
  if (!NAME.test(activation)) return undefined;
  const path = layout.trace(activation);
  const text = ifThere("read", path, () => (lstatSync(path).size <= TRACE_BYTES ? readFileSync(path, "utf8") : ""));
  try {
    const parsed = ActivationTrace.safeParse(JSON.parse(text ?? ""));
    return parsed.success && parsed.data.activation === activation ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Takes those away that are older than the last TRACES_KEPT. Only for the holder of the lock: who died left drafts, too. */
export function pruneTraces(layout: Layout, entries: () => readonly LedgerEntry[]): void {
  const present = traceNames(layout);
  if (present.length <= TRACES_KEPT && present.every((name) => NAME.test(basename(name, SUFFIX)))) return;
  const last = new Set<string>();
  for (const entry of [...entries()].reverse()) {
    if (last.size < TRACES_KEPT && "activation" in entry) last.add(entry.activation);
  }
  for (const name of present) {
    if (!last.has(basename(name, SUFFIX))) discardFile(join(layout.traces, name));
  }
}

/** One that can not be read is nobody's concern here. */
function traceNames(layout: Layout): string[] {
  try {
    return readdirSync(layout.traces);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}
