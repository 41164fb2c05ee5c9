/** What a program logged since a moment, from supervisor's file on disk (its log RPCs can not carry every byte). */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { ProcessInfo } from "../wire/program.ts";

/** Of a log that grew by more than this, the two ends are looked at: what happened first is often the cause of the rest. */
const END_BYTES = 16 * 1024;
const FIRST_LINES = 40;
const LAST_LINES = 20;

export interface LogMark {
  readonly path: string;
  readonly inode: number;
  readonly size: number;
}

/** Where the log stands now; undefined where supervisor keeps none or this user may not read it. */
export function markLog(info: ProcessInfo): LogMark | undefined {
  const path = info.stderr_logfile !== "" ? info.stderr_logfile : info.stdout_logfile;
  if (path === "") return undefined;
  try {
    const { ino, size } = statSync(path);
    return { path, inode: ino, size };
  } catch {
    return { path, inode: 0, size: 0 };
  }
}

/** What was logged since the mark, shortened in the middle. After a rotation (supervisor renames to `.1`) both files are read. */
export function linesSince(mark: LogMark | undefined): string[] {
  if (mark === undefined) return [];
  const isRotated = inodeOf(mark.path) !== mark.inode && mark.inode !== 0;
  const older = isRotated ? readFrom(`${mark.path}.1`, mark.size) : [];
  return shorten([...older, ...readFrom(mark.path, isRotated ? 0 : mark.size)]);
}

function shorten(lines: readonly string[]): string[] {
  const left = lines.length - FIRST_LINES - LAST_LINES;
  if (left <= 0) return [...lines];
  return [...lines.slice(0, FIRST_LINES), `… ${left} lines left out …`, ...lines.slice(-LAST_LINES)];
}

function inodeOf(path: string): number {
  try {
    return statSync(path).ino;
  } catch {
    return 0;
  }
}

/** The lines of a file from an offset on; `from` beyond its end means that it was cut, and is read whole. */
function readFrom(path: string, from: number): string[] {
  try {
    const fd = openSync(path, "r");
    try {
      const { size } = fstatSync(fd);
      const start = from > size ? 0 : from;
      if (size - start <= 2 * END_BYTES) return linesOf(fd, start, size);
      // A line that the cut goes through is shown as far as it goes.
      return [...linesOf(fd, start, start + END_BYTES), "…", ...linesOf(fd, size - END_BYTES, size)];
    } finally {
      closeSync(fd);
    }
  } catch {
    return [];
  }
}

function linesOf(fd: number, start: number, end: number): string[] {
  const bytes = Buffer.alloc(end - start);
  const count = readSync(fd, bytes, 0, bytes.length, start);
  return bytes
    .toString("utf8", 0, count)
    .split("\n")
    .filter((line) => line.trim() !== "");
}
