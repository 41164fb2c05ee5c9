/**
 * Reads a log that grows under a name and is rotated now and then.
 *
 * - Each line is given once and whole; one that has no end yet waits for it, unless it is longer than a whole read.
 * - After a rotation (supervisor renames to `.1`, `.1` to `.2`, …) what was left of the old file comes first.
 * - A file that was cut is read again from its beginning.
 */
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";

/** Of one read; what is beyond comes with the next one. */
const READ_BYTES = 256 * 1024;
/** How far back the last lines are looked for. */
const BACK_BYTES = 1024 * 1024;
/** supervisord keeps ten by default (stdout_logfile_backups); more are not looked through. */
const BACKUPS = 20;

/** Which file stood under the name, and how many of its bytes have been read. */
export interface Place {
  readonly inode: number;
  readonly offset: number;
}

export interface TailRead {
  readonly lines: readonly string[];
  readonly place: Place;
  readonly isMore: boolean;
}

/**
 * The last lines that are there, also out of the file before the last rotation. `isFollowed`: a last line without an end is
 * left for later.
 * @throws as open(2) does
 */
export function lastLines(path: string, count: number, isFollowed: boolean): TailRead {
  const { lines, place } = endOf(path, count, isFollowed);
  if (lines.length >= count) return { lines: lastOf(lines, count), place, isMore: false };
  const older = isThere(`${path}.1`) ? endOf(`${path}.1`, count - lines.length, false).lines : [];
  return { lines: [...lastOf(older, count - lines.length), ...lines], place, isMore: false };
}

/** What was logged since. Nothing where there is no file just now. */
export function linesAfter(path: string, place: Place): TailRead {
  const found = statOf(path);
  if (found === undefined) return { lines: [], place, isMore: false };
  if (found.ino === place.inode) {
    const offset = place.offset > found.size ? 0 : place.offset;
    return readLines(path, { inode: found.ino, offset }, found.size);
  }
  return readRotated(path, place, found);
}

/** What is left of the file that stood under the name, wherever it is now; then the one that came after it. */
function readRotated(path: string, place: Place, now: Stats): TailRead {
  for (let backup = 1; backup <= BACKUPS; backup++) {
    const old = `${path}.${backup}`;
    const found = statOf(old);
    if (found === undefined) break;
    if (found.ino !== place.inode) continue;
    const rest = readLines(old, place, found.size, true);
    if (rest.isMore) return rest;
    const next = backup === 1 ? now : statOf(`${path}.${backup - 1}`);
    return { lines: rest.lines, place: { inode: next?.ino ?? now.ino, offset: 0 }, isMore: true };
  }
  return readLines(path, { inode: now.ino, offset: 0 }, now.size);
}

/** `isEnded`: nobody writes to it any more, so its last line is whole. */
function readLines(path: string, { inode, offset }: Place, size: number, isEnded = false): TailRead {
  const bytes = readBytes(path, offset, Math.min(size, offset + READ_BYTES));
  const isMore = offset + bytes.length < size;
  const end = bytes.lastIndexOf(0x0a) + 1;
  // A line longer than a read is given in pieces.
  const taken = (isEnded && !isMore) || (end === 0 && isMore) ? bytes.length : end;
  return { lines: split(bytes.subarray(0, taken)), place: { inode, offset: offset + taken }, isMore };
}

function endOf(path: string, count: number, isFollowed: boolean): { lines: string[]; place: Place } {
  const { ino: inode, size } = statSync(path);
  let start = size;
  let bytes = Buffer.alloc(0);
  while (start > 0 && size - start < BACK_BYTES && newlines(bytes) <= count) {
    const from = Math.max(0, start - READ_BYTES);
    bytes = Buffer.concat([readBytes(path, from, start), bytes]);
    start = from;
  }
  // The first line is whole only at the head of the file.
  const head = start === 0 ? 0 : bytes.indexOf(0x0a) + 1;
  const end = isFollowed ? Math.max(head, bytes.lastIndexOf(0x0a) + 1) : bytes.length;
  return { lines: split(bytes.subarray(head, end)), place: { inode, offset: start + end } };
}

function readBytes(path: string, from: number, to: number): Buffer {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(Math.max(0, Math.min(to, fstatSync(fd).size) - from));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
  } finally {
    closeSync(fd);
  }
}

function split(bytes: Buffer): string[] {
  if (bytes.length === 0) return [];
  const lines = bytes.toString("utf8").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => line.replace(/\r$/, ""));
}

function newlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}

const lastOf = (lines: readonly string[], count: number) => (count === 0 ? [] : lines.slice(-count));

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function isThere(path: string): boolean {
  return statOf(path) !== undefined;
}
