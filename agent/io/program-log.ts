/** The last lines that a program logged since a moment, from supervisor's file on disk (its log RPCs can not carry every byte). */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { ProcessInfo } from "../protocol.ts";

/** How much of the end of a log is looked at. */
const TAIL_BYTES = 16 * 1024;
export const TAIL_LINES = 20;

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

/** The lines since the mark, at most TAIL_LINES. After a rotation (supervisor renames to `.1`) both files are read. */
export function linesSince(mark: LogMark | undefined): string[] {
  if (mark === undefined) return [];
  const isRotated = inodeOf(mark.path) !== mark.inode && mark.inode !== 0;
  const older = isRotated ? tail(`${mark.path}.1`, mark.size) : "";
  const text = older + tail(mark.path, isRotated ? 0 : mark.size);
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-TAIL_LINES);
}

function inodeOf(path: string): number {
  try {
    return statSync(path).ino;
  } catch {
    return 0;
  }
}

function tail(path: string, from: number): string {
  try {
    const fd = openSync(path, "r");
    try {
      const { size } = fstatSync(fd);
      const start = Math.max(from > size ? 0 : from, size - TAIL_BYTES);
      const bytes = Buffer.alloc(size - start);
      const count = readSync(fd, bytes, 0, bytes.length, start);
      return bytes.toString("utf8", 0, count);
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
