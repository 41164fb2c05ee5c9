/** Whether a file is root's alone, so that running it as root hands root to nobody. */
import { lstat, readlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";

const LINK_LIMIT = 40;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * True if the absolute path leads to a regular file and everything on the way (each folder, each symbolic link and what
 * it leads to) belongs to root and may be written by no group and by nobody else. A link's own mode means nothing.
 */
export async function isTrustedPath(path: string): Promise<boolean> {
  try {
    return await isTrusted(resolve(path), "file", LINK_LIMIT);
  } catch {
    return false;
  }
}

async function isTrusted(path: string, kind: "file" | "folder", linksLeft: number): Promise<boolean> {
  const parent = dirname(path);
  if (parent !== path && !(await isTrusted(parent, "folder", linksLeft))) return false;
  const found = await lstat(path);
  if (found.uid !== 0 || linksLeft === 0) return false;
  if (found.isSymbolicLink()) return isTrusted(resolve(parent, await readlink(path)), kind, linksLeft - 1);
  const isKind = kind === "file" ? found.isFile() : found.isDirectory();
  return isKind && (found.mode & WRITABLE_BY_OTHERS) === 0;
}
