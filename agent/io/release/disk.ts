/** What a disk has to give, and when it can be trusted to have kept something. */
import { execFile } from "node:child_process";
import { constants, type Dirent, statfsSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { AgentError } from "../../core/failure.ts";
import type { ManifestEntry } from "../../wire/release.ts";
import { fileError, fsyncPath, onFile } from "../files.ts";

/**
 * A slow disk takes minutes for what this whole host had still to write to it. Of one that has not got there by then nobody can
 * say that it ever will.
 */
export const DURABLE_LIMIT_MS = 30 * 60_000;

export interface DurableOptions {
  readonly tool?: string;
  readonly limitMs?: number;
}

/** Left free beside a release: logs, the ledger and the manifest are written to the same disk. */
export const MARGIN_BYTES = 16 * 1024 * 1024;

export interface Space {
  /** What a user without privileges may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Infinity where the file system makes inodes as it needs them (btrfs, xfs counts are estimates). */
  readonly freeInodes: number;
  readonly blockBytes: number;
}

/** statvfs(3) of the file system that `path` stands on; undefined before Node 18.15, which has no such call. */
export function freeSpace(path: string): Space | undefined {
  if (typeof statfsSync !== "function") return undefined;
  const { bavail, blocks, bsize, ffree, files } = onFile("read the free space of", path, () => statfsSync(path));
  return {
    ...{ freeBytes: bavail * bsize, totalBytes: blocks * bsize, blockBytes: bsize },
    freeInodes: files === 0 ? Number.POSITIVE_INFINITY : ffree,
  };
}

/** Fails with `no-space` or `no-inodes` where these entries would not fit, before a byte of them is written. */
export function requireSpace(path: string, entries: readonly ManifestEntry[]): void {
  const space = freeSpace(path);
  if (space === undefined) return;
  const { freeBytes, freeInodes, blockBytes } = space;
  const need = bytesOnDisk(entries, blockBytes) + MARGIN_BYTES;
  if (need > freeBytes) throw new AgentError({ reason: "no-space", path, needBytes: need, freeBytes });
  if (entries.length > freeInodes) {
    throw new AgentError({ reason: "no-inodes", path, need: entries.length, free: freeInodes });
  }
}

/** What these entries take of a disk that gives whole blocks. Where it does not say how large those are, 4 KiB. */
export function bytesOnDisk(entries: readonly ManifestEntry[], blockBytes = 4096): number {
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.type === "file" ? Math.ceil(entry.size / blockBytes) * blockBytes : blockBytes;
  }
  return bytes;
}

/** Like `fileError`; a full disk also says how much was wanted and how much there is. What a quota still allows is not known. */
export function storeError(error: unknown, operation: string, path: string, needBytes: number): unknown {
  const known = fileError(error, operation, path);
  if (!(known instanceof AgentError) || known.failure.reason !== "no-space") return known;
  if (known.failure.needBytes > 0 || known.failure.isQuota === true) return known;
  const freeBytes = spaceAround(path)?.freeBytes ?? 0;
  return new AgentError({ reason: "no-space", path, needBytes, freeBytes }, error);
}

/** The file that did not fit is often not there: its folder is. */
function spaceAround(path: string): Space | undefined {
  try {
    return freeSpace(path);
  } catch {
    const folder = path.slice(0, path.lastIndexOf("/"));
    return folder === "" ? undefined : spaceAround(folder);
  }
}

/**
 * Makes a whole folder durable; milliseconds that it took. One syncfs(2) by `sync -f` (coreutils 8.24, busybox) is two
 * orders of magnitude cheaper than an fsync for each of thousands of files, and since Linux 5.8 it reports what could
 * not be written. Where the tool is missing or refuses, each file and folder is synced.
 *
 * @throws AgentError `disk-silent`: a disk that hangs has not said within the limit that it has kept them.
 */
export async function makeDurable(
  root: string,
  { tool = "sync", limitMs = DURABLE_LIMIT_MS }: DurableOptions = {},
): Promise<number> {
  const startedAt = performance.now();
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limitMs);
  const silence = new Promise<never>((_, reject) => {
    const failure = new AgentError({ reason: "disk-silent", path: root, timeoutMs: limitMs });
    late.signal.addEventListener("abort", () => reject(failure));
  });
  try {
    await Promise.race([syncAll(tool, root, late.signal), silence]);
  } finally {
    clearTimeout(timer);
  }
  return performance.now() - startedAt;
}

async function syncAll(tool: string, root: string, late: AbortSignal): Promise<void> {
  if (!(await syncFileSystem(tool, root, late))) await syncTree(root, late);
}

/** Who waits for the kernel is not ended by any signal before that answers: nobody waits for its end. */
function syncFileSystem(tool: string, root: string, late: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = execFile(tool, ["-f", root], (error) => resolve(error === null));
    late.addEventListener("abort", () => asked.kill("SIGKILL"));
  });
}

async function syncTree(folder: string, late: AbortSignal): Promise<void> {
  for (const child of await listFolder(folder)) {
    if (child.isDirectory()) await syncTree(`${folder}/${child.name}`, late);
    else if (child.isFile()) await syncPath(`${folder}/${child.name}`, late);
  }
  await syncPath(folder, late);
}

async function listFolder(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw fileError(error, "list", folder);
  }
}

async function syncPath(path: string, late: AbortSignal): Promise<void> {
  if (late.aborted) return;
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    await file.sync().finally(() => file.close());
  } catch (error) {
    throw fileError(error, "sync", path);
  }
}

/** Makes a rename between these folders durable. */
export function syncFolders(...paths: readonly string[]): void {
  for (const path of paths) onFile("sync", path, () => fsyncPath(path));
}
