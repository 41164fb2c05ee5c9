/**
 * NDJSON on stdout, for scripts: each event as it happens, `{"event":"failure",…}` for each failure, and always
 * `{"event":"result","exit":…,"data":…}` as the last line. People still find failures in words on stderr.
 */
import type { ProgressEvent } from "../../core/report/progress.ts";
import { escapeInJson } from "../../core/report/sanitize.ts";
import type { Output } from "../output.ts";
import type { PlainOptions } from "./plain.ts";
import { failureText, flush, oneAtATime } from "./streams.ts";

/** Whoever reads this costs as much as the upload of a megabyte. */
const UPLOAD_EVERY_MS = 100;

export function openJson({ stdout, stderr, color }: PlainOptions): Output {
  const isDue = uploadsDue();
  const write = (event: string, fields: object) =>
    stdout.write(`${escapeInJson(JSON.stringify({ event, ...fields }))}\n`);
  let exit = 0;
  const results: unknown[] = [];
  return {
    report(event) {
      if (event.kind === "upload" && !isDue(event)) return;
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

/** Of each host's upload the first word, one for each percent but no more than so many in a second, and the last. */
function uploadsDue(): (event: Extract<ProgressEvent, { kind: "upload" }>) => boolean {
  const told = new Map<string, { readonly percent: number; readonly atMs: number }>();
  return ({ host, sentBytes, totalBytes }) => {
    const percent = totalBytes === 0 ? 100 : Math.floor((sentBytes * 100) / totalBytes);
    const last = told.get(host);
    const atMs = performance.now();
    const isDue = last === undefined || percent >= 100 || atMs - last.atMs >= UPLOAD_EVERY_MS;
    if (last?.percent === percent || !isDue) return false;
    told.set(host, { percent, atMs });
    return true;
  };
}
