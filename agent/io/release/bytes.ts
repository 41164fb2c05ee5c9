/** Files of a release, read and written so that what is there afterwards is what the manifest says. */
import { createHash, hash } from "node:crypto";
import { chmodSync, closeSync, constants, fchmodSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import type { ManifestEntry } from "../../wire/release.ts";
import { errnoOf, removeFile } from "../files.ts";

export type FileEntry = Extract<ManifestEntry, { type: "file" }>;

/** Also the size up to which a file is read into memory as one piece. */
export const SCRATCH_BYTES = 1024 * 1024;
/** Longest stretch of work without a look at the other end of the link. */
const STRETCH_MS = 5;

/** Never follows a link, never waits for the other end of a fifo. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Hex sha256. The one-shot call of Node 20.12 costs a third less for small files. */
export function sha256(bytes: Uint8Array | string): string {
  return typeof hash === "function" ? hash("sha256", bytes, "hex") : createHash("sha256").update(bytes).digest("hex");
}

/** Gives timers and the link their turn every few milliseconds of otherwise synchronous work. */
export class Breath {
  #since = performance.now();

  isDue(): boolean {
    return performance.now() - this.#since > STRETCH_MS;
  }

  async take(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}

const SETUID_AND_SETGID = 0o6000;

/**
 * Opens a file that must not be there yet. Its mode is set in so many words, since umask and ACLs have their say in open(2).
 * finishFile() belongs to it.
 */
export function createFile(path: string, mode: number): number {
  const fd = openSync(path, CREATE_FLAGS, 0o600);
  try {
    fchmodSync(fd, mode);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Gives back what write(2) takes from a file that is setuid or setgid, and closes it. */
export function finishFile(fd: number, mode: number): void {
  try {
    if ((mode & SETUID_AND_SETGID) !== 0) fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

export function writeNewFile(path: string, bytes: Uint8Array, mode: number): void {
  const fd = createFile(path, mode);
  try {
    writeAll(fd, bytes);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  finishFile(fd, mode);
}

/** Compares files with what a manifest says of them, and copies them. Holds one buffer: use it for one file at a time. */
export class FileReader {
  #buffer: Buffer | undefined;
  readonly #breath = new Breath();

  get #scratch(): Buffer {
    this.#buffer ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    return this.#buffer;
  }

  /**
   * Whether a regular file of that size and sha256 stands at `path`, with at least the permissions of the entry. `onRead` counts the
   * bytes of one that is larger than a piece, while it is read.
   */
  async holds(path: string, entry: FileEntry, onRead: (bytes: number) => void = () => {}): Promise<boolean> {
    const fd = this.#openRegular(path, entry.size, entry.mode);
    if (fd === undefined) return false;
    try {
      return (await this.#hash(fd, onRead)) === entry.sha256;
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Makes `to` a copy of `from` if that still is what the entry says; false, and nothing made, if not. What was written
   * is what was hashed: a small file goes through memory, a large one (reflinked where the file system can) is hashed
   * after it arrived.
   */
  async copy(from: string, to: string, entry: FileEntry): Promise<boolean> {
    const fd = this.#openRegular(from, entry.size, 0);
    if (fd === undefined) return false;
    try {
      if (entry.size > SCRATCH_BYTES) return await this.#copyLarge(from, to, entry);
      const bytes = this.#scratch.subarray(0, readFully(fd, this.#scratch));
      if (sha256(bytes) !== entry.sha256) return false;
      writeNewFile(to, bytes, entry.mode);
      if (this.#breath.isDue()) await this.#breath.take();
      return true;
    } finally {
      closeSync(fd);
    }
  }

  async #copyLarge(from: string, to: string, entry: FileEntry): Promise<boolean> {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    chmodSync(to, entry.mode | 0o400);
    const isSame = await this.holds(to, entry);
    if (isSame) chmodSync(to, entry.mode);
    else removeFile(to);
    return isSame;
  }

  #openRegular(path: string, size: number, mode: number): number | undefined {
    const fd = tryOpen(path);
    if (fd === undefined) return undefined;
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.size === size && (stat.mode & mode) === mode) return fd;
    closeSync(fd);
    return undefined;
  }

  async #hash(fd: number, onRead: (bytes: number) => void): Promise<string> {
    let length = readFully(fd, this.#scratch);
    if (length < SCRATCH_BYTES) {
      if (this.#breath.isDue()) await this.#breath.take();
      return sha256(this.#scratch.subarray(0, length));
    }
    const digest = createHash("sha256");
    for (; length > 0; length = readFully(fd, this.#scratch)) {
      digest.update(this.#scratch.subarray(0, length));
      onRead(length);
      if (this.#breath.isDue()) await this.#breath.take();
    }
    return digest.digest("hex");
  }
}

/** Not there, not to be read, or not a file at all: no source then, and no reason to fail. */
function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, READ_FLAGS);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

function readFully(fd: number, into: Buffer): number {
  let at = 0;
  while (at < into.length) {
    const length = readSync(fd, into, at, into.length - at, null);
    if (length === 0) break;
    at += length;
  }
  return at;
}
