/** Files about a command, written when it is over, whichever way it is shown: GitHub's step summary and a JUnit report. */
import { appendFileSync, writeFileSync } from "node:fs";
import { summaryOf } from "../../core/ci/github.ts";
import { junitOf } from "../../core/ci/junit.ts";
import { emptyRecord, takeEvent } from "../../core/ci/record.ts";
import type { Output } from "../output.ts";

export interface ReportFiles {
  /** The verb as it was typed, until it says itself what it does. */
  readonly verb: string;
  /** $GITHUB_STEP_SUMMARY: appended to. */
  readonly summary?: string | undefined;
  /** `--junit`: replaced. */
  readonly junit?: string | undefined;
}

/** The same output, which also writes these files. One that can not be written is a warning. */
export function withFiles(output: Output, { verb, summary, junit }: ReportFiles): Output {
  if (summary === undefined && junit === undefined) return output;
  const startedAt = new Date().toISOString();
  const record = emptyRecord(verb);
  const attempt = (path: string, write: () => void) => {
    try {
      write();
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : error;
      output.report({ kind: "warning", text: `${path} could not be written: ${code}` });
    }
  };
  return {
    report(event) {
      takeEvent(record, event);
      output.report(event);
    },
    result(text, data, exit = 0, table) {
      if (record.exit === 0) record.exit = exit;
      if (table !== undefined) record.tables.push(table);
      output.result(text, data, exit, table);
    },
    line: output.line,
    failure(report) {
      record.exit = report.exit;
      record.failures.push(report);
      output.failure(report);
    },
    pause: (work) => output.pause(work),
    async close() {
      if (junit !== undefined) attempt(junit, () => writeFileSync(junit, junitOf(record, startedAt)));
      const told = summary === undefined ? "" : summaryOf(record);
      if (summary !== undefined && told !== "") attempt(summary, () => appendFileSync(summary, told));
      await output.close();
    },
  };
}
