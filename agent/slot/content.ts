/**
 * Which files hold the same bytes. A program that puts its own copy of the binary in the slot (overseer with its File
 * fetcher) runs a file that is none of a release's, however much it is the release.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { FileIdentity, Inspection } from "../core/process/inspection.ts";
import { isSameFile } from "../core/process/inspection.ts";
import { errnoOf } from "../io/files.ts";

/** What a file that cannot be looked at any more, or may not be, gives. */
const CLOSED: ReadonlySet<string | undefined> = new Set(["ENOENT", "EACCES", "EPERM", "ESRCH"]);

/** By device, inode, size and time of the last write: what is awaited is asked about many times a second. */
const known = new Map<string, Promise<string>>();

export async function isReadable(path: string): Promise<boolean> {
  return (await look(path)) !== undefined;
}

/** Whether both are there and hold the same bytes. */
export async function isSameContent(a: string, b: string): Promise<boolean> {
  const [first, second] = [await look(a), await look(b)];
  if (first === undefined || second === undefined || first.size !== second.size) return false;
  return first.key === second.key || (await digestOf(first)) === (await digestOf(second));
}

/** The binary of one release. */
export interface Original {
  readonly tag: string;
  readonly path: string;
}

/**
 * The release of which a process executes a copy. Undefined: of none, it can not be read, or several releases have that
 * very binary, so that the copy does not tell which of them was meant. `slot`: read in place of the process's own link
 * where that is closed to this user.
 */
export async function copiedRelease(
  { pid, exe }: Pick<Inspection, "pid" | "exe">,
  slot: string,
  originals: readonly Original[],
): Promise<string | undefined> {
  if (exe === undefined) return undefined;
  const path = (await isThatFile(slot, exe)) ? slot : `/proc/${pid}/exe`;
  const tags: string[] = [];
  for (const { tag, path: original } of originals) if (await isSameContent(path, original)) tags.push(tag);
  return tags.length === 1 ? tags[0] : undefined;
}

interface Seen {
  readonly path: string;
  readonly key: string;
  readonly size: bigint;
}

async function look(path: string): Promise<Seen | undefined> {
  try {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    return { path, key: `${dev}:${ino}:${size}:${mtimeNs}`, size };
  } catch (error) {
    if (CLOSED.has(errnoOf(error))) return undefined;
    throw error;
  }
}

async function isThatFile(path: string, file: FileIdentity): Promise<boolean> {
  try {
    return isSameFile(await stat(path, { bigint: true }), file);
  } catch {
    return false;
  }
}

/** Empty where it was replaced or closed while it was read: equal to nothing. */
async function digestOf({ path, key }: Seen): Promise<string> {
  const found = known.get(key) ?? hash(path);
  known.set(key, found);
  try {
    return await found;
  } catch (error) {
    known.delete(key);
    if (CLOSED.has(errnoOf(error))) return `${key} is gone`;
    throw error;
  }
}

async function hash(path: string): Promise<string> {
  const digest = createHash("sha256");
  for await (const chunk of createReadStream(path)) digest.update(chunk);
  return digest.digest("hex");
}
