/** After a rollback: the release that an operator went back from is no target of the next one. */
import type { HostContext } from "../../context.ts";
import { appendLedger } from "../../io/ledger-file.ts";
import type { ActivationReport } from "../../wire/report.ts";

/** The release that was gone back to serves already, so a ledger that can not be written is a warning. */
export function withdraw({ layout, by, date }: HostContext, report: ActivationReport): void {
  const { previous, tag } = report;
  if (previous === undefined || previous === tag) return;
  try {
    appendLedger(layout, { event: "withdrawn", at: date().toISOString(), by, tag: previous, to: tag });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    report.warnings.push(`the ledger could not be told that ${previous} was rolled back from (${why})`);
  }
}
