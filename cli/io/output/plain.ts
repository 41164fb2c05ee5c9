/** One line for each fact, on stderr: for CI, for files, and for terminals that cannot do more. */
import type { Writable } from "node:stream";
import { eventLine, isSpoken, uploadLine, uploadQuarter } from "../../core/report/event-lines.ts";
import type { ProgressEvent } from "../../core/report/progress.ts";
import type { Output } from "../output.ts";
import { errorLine, failureText, flush, hostLine, oneAtATime } from "./streams.ts";

export interface PlainOptions {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly color: boolean;
  readonly quiet?: boolean;
}

export function openPlain({ stdout, stderr, color, quiet = false }: PlainOptions): Output {
  const quarterLine = quarterLines();
  return {
    report(event) {
      if (quiet && !isSpoken(event)) return;
      const line = event.kind === "upload" ? quarterLine(event) : eventLine(event);
      if (line !== undefined) stderr.write(errorLine(line, color));
    },
    result: (text) => void stdout.write(text),
    line(text, _event, _fields, isError = false) {
      const stream = isError ? stderr : stdout;
      stream.write(hostLine(stream, text));
    },
    failure: (report) => void stderr.write(failureText(report, color)),
    pause: oneAtATime(),
    async close() {
      await Promise.all([flush(stdout), flush(stderr)]);
    },
  };
}

/** A long upload says each quarter, so that a CI job that waits for output does not give up. */
export function quarterLines(): (event: Extract<ProgressEvent, { kind: "upload" }>) => string | undefined {
  const uploads = new Map<string, { quarter: number; startedMs: number }>();
  return ({ host, sentBytes, totalBytes }) => {
    const upload = uploads.get(host) ?? { quarter: 0, startedMs: performance.now() };
    uploads.set(host, upload);
    const quarter = uploadQuarter(sentBytes, totalBytes);
    if (quarter <= upload.quarter) return undefined;
    upload.quarter = quarter;
    return `${host}: ${uploadLine("upload", sentBytes, totalBytes, performance.now() - upload.startedMs)}`;
  };
}
