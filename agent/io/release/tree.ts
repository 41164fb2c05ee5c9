/** Trees of folders: made open, closed when all is in them, removed whatever their modes are. */
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { chmod, readdir, rm } from "node:fs/promises";
import { impliedFolders } from "../../core/manifest.ts";
import type { ManifestEntry } from "../../wire/release.ts";
import { errnoOf, onFile } from "../files.ts";

/** Of a release itself, and of folders that the manifest implies but does not name. */
export const RELEASE_DIR_MODE = 0o755;
/** While files are put into it. A manifest's own mode may forbid its owner to write. */
const OPEN_DIR_MODE = 0o700;

const byPath = (a: ManifestEntry, b: ManifestEntry) => (a.path < b.path ? -1 : 1);
const folders = (entries: readonly ManifestEntry[]) => entries.filter((entry) => entry.type === "dir").sort(byPath);

/** Makes all folders of a release below `root`. A shorter path sorts before those that stand in it. */
export function makeFolders(root: string, entries: readonly ManifestEntry[]): void {
  const named = folders(entries).map(({ path }) => path);
  for (const path of [...named, ...impliedFolders(entries)].sort()) {
    onFile("make the folder", `${root}/${path}`, () => mkdirSync(`${root}/${path}`, { mode: OPEN_DIR_MODE }));
  }
}

/** The build's own links. They come after the last file, so that no file was ever written through one. */
export function makeLinks(root: string, entries: readonly ManifestEntry[]): void {
  for (const entry of entries) {
    if (entry.type !== "link") continue;
    onFile("link", `${root}/${entry.path}`, () => symlinkSync(entry.target, `${root}/${entry.path}`));
  }
}

/** Gives the folders their modes, the deepest first, so that none is closed while there is work in it. */
export function closeFolders(root: string, entries: readonly ManifestEntry[]): void {
  const closing = (path: string, mode: number) => onFile("set the mode of", path, () => chmodSync(path, mode));
  for (const path of impliedFolders(entries)) closing(`${root}/${path}`, RELEASE_DIR_MODE);
  for (const entry of folders(entries).reverse()) {
    if (entry.type === "dir") closing(`${root}/${entry.path}`, entry.mode);
  }
  closing(root, RELEASE_DIR_MODE);
}

/** rm -rf, also where folders forbid it, as a release's may. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const code = errnoOf(error);
    if (code !== "EACCES" && code !== "EPERM") throw error;
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openFolders(path: string): Promise<void> {
  await chmod(path, OPEN_DIR_MODE).catch(() => undefined);
  for (const child of await readdir(path, { withFileTypes: true })) {
    if (child.isDirectory()) await openFolders(`${path}/${child.name}`);
  }
}
