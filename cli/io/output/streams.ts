/** What every way of showing needs of the two streams. */
import { fstatSync, writeFileSync } from "node:fs";
import type { Writable } from "node:stream";
import { styleText } from "node:util";
import { type FailureReport, failureLines } from "../../core/report/failure-report.ts";
import { sanitize, sanitizeLogLine } from "../../core/report/sanitize.ts";

/**
 * Without a listener, a write to a pipe whose reader is gone ends the process with EPIPE, in the middle of a deploy.
 * Nobody is left to be told.
 */
export function forgiveBrokenPipe(stream: Writable): void {
  stream.on("error", () => {});
}

/** What a pipe or a socket says when its reader has gone. */
const READER_GONE: ReadonlySet<string> = new Set(["EPIPE", "ECONNRESET"]);

/**
 * Call it before the first write. Once all is written, the answer tells why some of it was lost: ENOSPC, EIO, …;
 * undefined: nothing was, or its reader has gone, who wanted no more of it.
 */
export function watchLoss(stream: Writable & { readonly fd: number }): () => Promise<string | undefined> {
  let first: string | undefined;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    first ??= error.code ?? error.message;
  });
  if (fstatSync(stream.fd).isFile()) writeWhole(stream);
  return async () => {
    await flush(stream);
    await new Promise((resolve) => setImmediate(resolve)); // an error is told some ticks after its write
    return first === undefined || READER_GONE.has(first) ? undefined : first;
  };
}

/**
 * Node takes a part of a write to a file for all of it (SyncWriteStream, Node 24): where the disk fills up within one, the
 * rest is lost without a word.
 */
function writeWhole(stream: Writable & { readonly fd: number }): void {
  stream._write = (chunk: Uint8Array, _encoding, done) => {
    try {
      writeFileSync(stream.fd, chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };
}

/** Aborted once nobody reads `stream` any more, which shows when something is written to it. */
export function readerGoneOf(stream: Writable): AbortSignal {
  const gone = new AbortController();
  for (const event of ["error", "close"]) stream.once(event, () => gone.abort());
  return gone.signal;
}

/** Resolves when all that was written before has gone, or cannot go any more. */
export function flush(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) resolve();
    else stream.write("", () => resolve());
  });
}

/** A line that a host has told: whole and as it is, but where `stream` is a terminal, which would obey some of its bytes. */
export function hostLine(stream: Writable, text: string): string {
  return `${"isTTY" in stream && stream.isTTY === true ? sanitizeLogLine(text) : text}\n`;
}

/** One line for stderr; `zdr: error:` and `zdr: warning:` stand out where colour is wanted. */
export function errorLine(line: string, color: boolean): string {
  return colored(sanitize(line), color);
}

/** A line of failureLines, which are harmless as they are. */
export function failureLine(line: string, color: boolean): string {
  return colored(line, color);
}

function colored(text: string, color: boolean): string {
  if (!color) return `${text}\n`;
  return `${text.replace(/^zdr: (error|warning):/, (label, what: string) =>
    styleText(what === "error" ? "red" : "yellow", label, { validateStream: false }),
  )}\n`;
}

export function failureText(report: FailureReport, color: boolean): string {
  return failureLines(report)
    .map((line) => failureLine(line, color))
    .join("");
}

/** Runs one piece of work after the other, so that two questions never stand on one terminal. */
export function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}
