/**
 * NDJSON on stdout, for scripts: each event as it happens, `{"event":"failure",…}` for each failure, and always
 * `{"event":"result","exit":…,"data":…}` as the last line. People still find failures in words on stderr.
 */
import type { ProgressEvent } from "../../core/report/progress.ts";
import { escapeInJson } from "../../core/report/sanitize.ts";
import type { Output } from "../output.ts";
import type { PlainOptions } from "./plain.ts";
import { failureText, flush, oneAtATime } from "./streams.ts";

export function openJson({ stdout, stderr, color }: PlainOptions): Output {
  const percents = new Map<string, number>();
  const write = (event: string, fields: object) =>
    stdout.write(`${escapeInJson(JSON.stringify({ event, ...fields }))}\n`);
  let exit = 0;
  const results: unknown[] = [];
  return {
    report(event) {
      if (event.kind === "upload" && !isNewPercent(event, percents)) return;
      const { kind, ...fields } = event;
      write(kind, fields);
    },
    result(_text, resultData, resultExit = 0) {
      results.push(resultData);
      if (exit === 0) exit = resultExit;
    },
    line: (_text, event, fields) => void write(event, fields),
    failure(report) {
      exit = report.exit;
      write("failure", report);
      stderr.write(failureText(report, color));
    },
    pause: oneAtATime(),
    async close() {
      write("result", { exit, data: (results.length > 1 ? results : results[0]) ?? null });
      await Promise.all([flush(stdout), flush(stderr)]);
    },
  };
}

function isNewPercent(event: Extract<ProgressEvent, { kind: "upload" }>, percents: Map<string, number>): boolean {
  const percent = event.totalBytes === 0 ? 100 : Math.floor((event.sentBytes * 100) / event.totalBytes);
  if (percents.get(event.host) === percent) return false;
  percents.set(event.host, percent);
  return true;
}
