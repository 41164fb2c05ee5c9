/** What is printed when a command fails: what failed and where, what state was left, what to do. */
import type { SourcePlace } from "../../failure.ts";
import { sanitize, sanitizeLogLine } from "./sanitize.ts";

/** What a line of a failure is about, as far as it is known. */
export interface About {
  readonly hosts?: readonly string[];
  /** By its name in deploy.yml. */
  readonly program?: string;
  /** In a file of the user's. */
  readonly place?: SourcePlace;
}

export interface FailureReport {
  /** `web-2: program "shop" was not healthy …`; one line for each thing that failed. */
  readonly error: readonly string[];
  /** One for each line of `error`, in their order. */
  readonly about?: readonly About[];
  /** `web-2 serves v1.1 again (reverted, verified)`, … */
  readonly state?: readonly string[];
  /** Last lines of a program's own log: `web-2: shop: panic: …`. */
  readonly log?: readonly string[];
  /** Commands that can be typed, with a word on what each is for. */
  readonly hints: readonly string[];
  readonly exit: number;
}

/** The lines for stderr, each without its newline, and without control characters of a host. */
export function failureLines(report: FailureReport): string[] {
  return [
    ...report.error.map((line) => sanitize(`zdr: error: ${line}`)),
    ...(report.state ?? []).map((line) => sanitize(`zdr: state: ${line}`)),
    ...(report.log ?? []).map((line) => sanitizeLogLine(`zdr: log:   ${line}`)),
    ...report.hints.map((line) => sanitize(`zdr: hint:  ${line}`)),
  ];
}
