/** The only thing that prints. Progress, warnings and errors go to stderr; stdout carries the result. */
import type { FailureReport } from "../core/failure-report.ts";
import type { OutputMode } from "../core/output-mode.ts";
import type { ProgressEvent } from "../core/progress.ts";

export interface Output {
  report(event: ProgressEvent): void;
  /**
   * What the command was run for. `text` is written as it is (status must be byte for byte); `data` is what `--json`
   * prints in its place; `exit` is told with it.
   */
  result(text: string, data: unknown, exit?: number): void;
  /** A failure; its exit code becomes that of the result event of `--json`. */
  failure(report: FailureReport): void;
  /** Takes the tree off the terminal's hands while `work` asks the operator something on stderr, in one line. */
  pause<T>(work: () => Promise<T>): Promise<T>;
  /** Ends the tree, writes what waited for that, and resolves when both streams have taken it all. Call it once, last. */
  close(): Promise<void>;
}

export interface OutputOptions {
  readonly mode: OutputMode;
  readonly stdout: NodeJS.WriteStream | NodeJS.WritableStream;
  readonly stderr: NodeJS.WriteStream | NodeJS.WritableStream;
  /** Whether stderr may be coloured: chooseColor. */
  readonly color: boolean;
}

export declare function openOutput(options: OutputOptions): Output;
