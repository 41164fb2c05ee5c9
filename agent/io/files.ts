/** Files of the layout: replaced by write-temp, fsync, rename, and errno turned into failures that say what was tried. */
import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { constants as osConstants, userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { AgentError } from "../core/failure.ts";
import { PRIVATE_FILE_MODE } from "../core/layout.ts";
import type { AgentFailure } from "../wire/failure.ts";
import { moment } from "./moment.ts";

const NO_RIGHTS = new Set(["EACCES", "EPERM"]);

/** The code of a system error, or undefined for anything else that was thrown. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errno } = error as NodeJS.ErrnoException;
  if (typeof code !== "string") return undefined;
  if (/^E[A-Z0-9]+$/.test(code)) return code;
  return UNNAMED.test(code) && typeof errno === "number" ? nameOfErrno(-errno) : undefined;
}

/**
 * libuv has no names for some errors of Linux, and EDQUOT (a quota is used up) is among them: such a one is an `Unknown
 * system error -122`, and where it comes from write(2) it is `UNKNOWN`.
 */
const UNNAMED = /^(?:Unknown system error -\d+|UNKNOWN)$/;

function nameOfErrno(number: number): string {
  const [name] = Object.entries(osConstants.errno).find(([, value]) => value === number) ?? [];
  return name ?? `E${number}`;
}

/** A failed system call as data; what is no system error is a bug and goes on as it is. */
export function fileError(error: unknown, operation: string, path: string): unknown {
  const code = errnoOf(error);
  return code === undefined ? error : new AgentError(fileFailure(code, operation, path), error);
}

function fileFailure(code: string, operation: string, path: string): AgentFailure {
  if (NO_RIGHTS.has(code)) return { reason: "not-permitted", path, operation, user: userName() };
  if (code === "EDQUOT") return { reason: "no-space", path, needBytes: 0, freeBytes: 0, isQuota: true };
  if (code !== "ENOSPC") return { reason: "io", path, operation, code };
  const full = folderWithoutInodes(path);
  if (full !== undefined) return { reason: "no-inodes", path: full, need: 1, free: 0 };
  return { reason: "no-space", path, needBytes: 0, freeBytes: 0 };
}

/** Whether there was no room for it: what is given up then may make some. */
export function isOutOfRoom(error: unknown): boolean {
  return error instanceof AgentError && (error.failure.reason === "no-space" || error.failure.reason === "no-inodes");
}

/**
 * Linux has one error for no block and no inode. The nearest folder that is there, if its file system can hold no more files, and could
 * hold more bytes: XFS and ZFS count as many free inodes as there are free blocks for.
 */
function folderWithoutInodes(path: string): string | undefined {
  if (typeof statfsSync !== "function") return undefined; // before Node 18.15
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      const { files, ffree, bavail } = statfsSync(folder);
      return files > 0 && ffree === 0 && bavail > 0 ? folder : undefined;
    } catch {
      if (folder === dirname(folder)) return undefined;
    }
  }
}

/** Runs a system call; trouble comes out as an AgentError that names the operation and the path. */
export function onFile<T>(operation: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, operation, path);
  }
}

/** Like `onFile`, with undefined where nothing is there. */
export function ifThere<T>(operation: string, path: string, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw fileError(error, operation, path);
  }
}

export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? -1}`;
  }
}

/** A name beside `path` that nobody else uses. */
export function temporaryBeside(path: string): string {
  return `${path}.${process.pid}-${randomBytes(6).toString("hex")}`;
}

/**
 * unlink(2) of a file or link that may be gone already. Not by rmSync, whose errors have no code in Node 24 where the file system is
 * read-only or a quota is used up.
 */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/** Takes away what a failure has left half done. Should that fail too, the failure that came first is the one to tell. */
export function discardFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // tidy.ts tries again
  }
}

/** Makes a file that must not be there yet, and has it on the disk before it returns. */
export function writeNewDurable(path: string, text: string, mode: number): void {
  const fd = openSync(path, "wx", mode);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Who made a file of such a name; undefined for any other name. */
export function ownerOfTemporary(name: string): number | undefined {
  const pid = /\.([1-9][0-9]{0,9})-[0-9a-f]{12}$/.exec(name)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** fsync(2): of a file, what stands in it; of a folder, which names do. */
export function fsyncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export interface NewFile {
  /** For root to give away. */
  readonly uid?: number;
  /** For root, and whoever is in that group. */
  readonly gid?: number;
  /** Where it is written first; default: beside `path`. Of the same file system. */
  readonly through?: string;
}

/**
 * Replaces `path` so that a reader, or a crash, sees the old text or the new one and nothing between. Its mode is `mode`,
 * whatever the umask; until it is somebody else's, nobody else can read it.
 */
export function replaceFile(
  path: string,
  text: string | Buffer,
  mode: number,
  { uid, gid, through }: NewFile = {},
): void {
  const temporary = temporaryBeside(through === undefined ? path : join(through, basename(path)));
  onFile("write", path, () => {
    try {
      const fd = openSync(temporary, "wx", PRIVATE_FILE_MODE);
      try {
        writeFileSync(fd, text);
        if (uid !== undefined || gid !== undefined) fchownSync(fd, uid ?? -1, gid ?? -1);
        fchmodSync(fd, mode);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      moment("replace: written");
      renameSync(temporary, path);
    } catch (error) {
      discardFile(temporary);
      throw error;
    }
    moment("replace: renamed");
    fsyncPath(dirname(path));
  });
}

/** Whether this user may make and replace files in a folder. */
export function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
