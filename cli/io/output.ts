/**
 * The only thing that prints. What it holds to:
 * - stdout carries the result (or, with `--json`, the events) and nothing else; progress, warnings and errors go to stderr.
 * - A reader that went away (`zdr deploy | head`) never ends a deploy: a broken stdout or stderr is taken in silence.
 * - The tree and the words never mix: what is said while the tree stands comes after it.
 */
import type { Writable } from "node:stream";
import { WriteStream } from "node:tty";
import type { FailureReport } from "../core/report/failure-report.ts";
import type { OutputMode } from "../core/report/output-mode.ts";
import type { ProgressEvent } from "../core/report/progress.ts";
import type { Table } from "../core/report/table.ts";
import { openCi } from "./output/ci.ts";
import { openJson } from "./output/json.ts";
import { openPlain } from "./output/plain.ts";
import { forgiveBrokenPipe } from "./output/streams.ts";
import { openTerminal } from "./output/terminal.ts";

export interface Output {
  report(event: ProgressEvent): void;
  /**
   * What the command was run for. `text` is written as it is (status must be byte for byte); `data` is what `--json`
   * prints in its place; `exit` is told with it; `table` is what the text shows, where that is a table. Called more than once, the texts follow each other and `data` is a list.
   */
  result(text: string, data: unknown, exit?: number, table?: Table): void;
  /**
   * A line of what a host goes on telling, at once: `text` on stdout (`isError`: stderr), or `fields` as an event of `--json`.
   * Its control characters are written out where that very stream is a terminal, and stay as they are elsewhere.
   */
  line(text: string, event: string, fields: object, isError?: boolean): void;
  /** A failure; its exit code becomes that of the result event of `--json`. */
  failure(report: FailureReport): void;
  /** Takes the tree off the terminal while `work` asks the operator one line on stderr. One at a time. */
  pause<T>(work: () => Promise<T>): Promise<T>;
  /** Ends the tree, writes what waited for that, and resolves when both streams have taken it all. Call it once, last. */
  close(): Promise<void>;
}

export interface OutputOptions {
  readonly mode: OutputMode;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether stderr may be coloured: chooseColor. */
  readonly color: boolean;
  /** Plain lines: only notes, warnings and failures, for verbs whose output is read line by line (status). */
  readonly quiet?: boolean;
  /** In CI: the checked out repository. */
  readonly workspace?: string;
}

export function openOutput({ mode, stdout, stderr, color, quiet = false, workspace = "." }: OutputOptions): Output {
  forgiveBrokenPipe(stdout);
  forgiveBrokenPipe(stderr);
  if (mode === "json") return openJson({ stdout, stderr, color });
  if (mode === "github" || mode === "gitlab") {
    return openCi({ stdout, stderr, color, quiet, system: mode, workspace });
  }
  if (mode === "tree" && stderr instanceof WriteStream && hasSize(stderr)) {
    return openTerminal({ stdout, terminal: stderr, color });
  }
  return openPlain({ stdout, stderr, color, quiet });
}

/** A pseudo-terminal that nobody gave a size (script(1), expect) has 0 rows, and a tree of 0 rows shows nothing. */
function hasSize({ rows, columns }: WriteStream): boolean {
  return rows > 0 && columns > 0;
}
