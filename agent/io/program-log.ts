/**
 * What a program logged since a moment: from supervisor's file on disk, since its log RPCs can not carry every byte; by
 * those where this user may not read the file, as it is with a supervisord of root's (supervisor makes logs 0600).
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { AgentError } from "../core/failure.ts";
import type { ProcessInfo } from "../wire/program.ts";
import { errnoOf } from "./files.ts";
import type { LogStream, Supervisor } from "./supervisor/supervisor.ts";

/** Of a log that grew by more than this, the two ends are looked at: what happened first is often the cause of the rest. */
const END_BYTES = 16 * 1024;
const FIRST_LINES = 40;
const LAST_LINES = 20;

/** An offset in the middle of a UTF-8 character gets no answer (supervisor/rpcinterface.py, xmlrpclib). */
const LONGEST_CHARACTER_BYTES = 4;

export interface LogMark {
  readonly process: string;
  readonly stream: LogStream;
  readonly path: string;
  /** 0: there was no file. */
  readonly inode: number;
  readonly size: number;
}

/** What is asked of supervisord. */
export type LogSource = Pick<Supervisor, "readLog">;

/** Where the log stands now; undefined where supervisor keeps none or this user may not read it. */
export function markLog(process: string, info: ProcessInfo): LogMark | undefined {
  const stream = info.stderr_logfile !== "" ? "stderr" : "stdout";
  const path = stream === "stderr" ? info.stderr_logfile : info.stdout_logfile;
  if (path === "") return undefined;
  try {
    const { ino, size } = statSync(path);
    return { process, stream, path, inode: ino, size };
  } catch {
    return { process, stream, path, inode: 0, size: 0 };
  }
}

/** What was logged since the mark, shortened in the middle. After a rotation (supervisor renames to `.1`) both files are read. */
export async function linesSince(mark: LogMark | undefined, source: LogSource): Promise<string[]> {
  if (mark === undefined) return [];
  const isRotated = inodeOf(mark.path) !== mark.inode && mark.inode !== 0;
  const from = isRotated ? 0 : mark.size;
  try {
    const own = readFrom(mark.path, from);
    return shorten([...(isRotated ? olderLines(mark) : []), ...own]);
  } catch (error) {
    return errnoOf(error) === "EACCES" ? shorten(await askSupervisor(source, mark, from)) : [];
  }
}

function olderLines({ path, size }: LogMark): string[] {
  try {
    return readFrom(`${path}.1`, size);
  } catch {
    return [];
  }
}

/** Of a file that is in a closed folder, nobody can say from where on it is new. */
async function askSupervisor(source: LogSource, { process, stream, path }: LogMark, from: number): Promise<string[]> {
  try {
    const { size } = statSync(path);
    const start = Math.max(from > size ? 0 : from, size - 2 * END_BYTES);
    const { text } = await readLogFrom(source, process, stream, start);
    return linesIn(text);
  } catch {
    return [];
  }
}

/** As supervisord reads it, from that offset or a little later, where a character begins. @throws AgentError */
export async function readLogFrom(source: LogSource, process: string, stream: LogStream, from: number) {
  for (let offset = from; ; offset++) {
    try {
      return { text: await source.readLog(process, stream, offset), offset };
    } catch (error) {
      if (!isCutAnswer(error) || offset - from === LONGEST_CHARACTER_BYTES - 1) throw error;
    }
  }
}

/** supervisord's own trouble with the character ends its answer; one that is silent is silent the next time, too. */
function isCutAnswer(error: unknown): boolean {
  return error instanceof AgentError && error.failure.reason !== "supervisor-silent";
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
}

function linesOf(fd: number, start: number, end: number): string[] {
  const bytes = Buffer.alloc(end - start);
  const count = readSync(fd, bytes, 0, bytes.length, start);
  return linesIn(bytes.toString("utf8", 0, count));
}

const linesIn = (text: string) => text.split("\n").filter((line) => line.trim() !== "");
