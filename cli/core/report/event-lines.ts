/** One line of words for what a verb reports; pure, so that the tree, the plain lines and a test say the same. */
import type { AgentEvent } from "../../../agent/protocol.ts";
import { formatInstant } from "./describe.ts";
import type { HostPhase, ProgressEvent } from "./progress.ts";
import { count, formatBytes, formatMs, formatRate } from "./units.ts";

/** The line for one event where each fact has one line; undefined where it is no fact yet (see uploadMark). */
export function eventLine(event: ProgressEvent): string | undefined {
  switch (event.kind) {
    case "plan":
      return `${event.verb}: ${count(event.hosts.length, "host")}: ${event.hosts.join(", ")}`;
    case "host-phase":
      return `${event.host}: ${phaseLine(event)}`;
    case "agent":
      return event.event.event === "warning"
        ? warningLine(event.event.text, event.host)
        : `${event.host}: ${agentLine(event.event)}`;
    case "note":
      return withHost(event.text, event.host);
    case "warning":
      return warningLine(event.text, event.host);
    case "upload":
    case "config":
      return undefined;
  }
}

/** Notes and warnings: what is to be said however little else is shown. The rest is progress. */
export function isSpoken(event: ProgressEvent): boolean {
  if (event.kind === "agent") return event.event.event === "warning";
  return event.kind === "note" || event.kind === "warning";
}

/** `survey`, `survey done (120 ms): 2 programs`, `activate failed: …`. */
export function phaseLine(event: Extract<ProgressEvent, { kind: "host-phase" }>): string {
  const status = event.status === "start" ? "" : ` ${event.status}`;
  const time = event.ms === undefined ? "" : ` (${formatMs(event.ms)})`;
  return `${event.phase}${status}${time}${event.detail === undefined || event.detail === "" ? "" : `: ${event.detail}`}`;
}

/** `upload: 12.3 MB of 34.0 MB, 11.2 MB/s`. */
export function uploadLine(phase: HostPhase, sentBytes: number, totalBytes: number, ms: number): string {
  const rate = formatRate(sentBytes, ms);
  return `${phase}: ${formatBytes(sentBytes)} of ${formatBytes(totalBytes)}${rate === "" ? "" : `, ${rate}`}`;
}

/** Below this much, an upload is over before a line about it can be read. */
const UPLOAD_WORTH_LINES_BYTES = 16_000_000;

/** Which quarter of an upload has been sent, where that is worth a line: 1 to 3; the end is told by the phase. */
export function uploadQuarter(sentBytes: number, totalBytes: number): number {
  if (totalBytes < UPLOAD_WORTH_LINES_BYTES || sentBytes >= totalBytes) return 0;
  return Math.floor((sentBytes * 4) / totalBytes);
}

/** `shop: signal USR2 (pid 4711, v1.2) at 0.5 s`, `verify: 12 files`. */
export function agentLine(event: AgentEvent): string {
  switch (event.event) {
    case "phase":
      return event.detail === "" ? event.phase : `${event.phase}: ${event.detail}`;
    case "program": {
      const who = [event.pid > 0 ? `pid ${event.pid}` : "", event.release ?? ""].filter((part) => part !== "");
      return `${event.program}: ${event.did}${who.length === 0 ? "" : ` (${who.join(", ")})`} at ${formatMs(event.atMs)}`;
    }
    case "waiting":
      return `waits for ${event.by.user}@${event.by.host}, who holds the lock since ${formatInstant(event.since)} (${event.why}), up to ${formatMs(event.leftMs)}`;
    case "reading":
      return `${formatBytes(event.doneBytes)} of ${formatBytes(event.totalBytes)} read`;
    case "warning":
      return `warning: ${event.text}`;
  }
}

function warningLine(text: string, host?: string): string {
  return `zdr: warning: ${withHost(text, host)}`;
}

function withHost(text: string, host: string | undefined): string {
  return host === undefined ? text : `${host}: ${text}`;
}
