/**
 * Reads a release again, as it is on the disk now, and compares it with its manifest.
 *
 * - No link is followed, so nothing outside of the release is read: shared files are nobody's release.
 * - A file is read only where its type and size are right, and once.
 */
import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import type { Layout } from "../../core/layout.ts";
import { compareTree, type Found } from "../../core/release/differences.ts";
import type { Manifest } from "../../wire/release.ts";
import type { Difference } from "../../wire/verify.ts";
import { errnoOf } from "../files.ts";
import { Breath, FileReader } from "./bytes.ts";
import { RELEASE_DIR_MODE } from "./tree.ts";

/** Every difference between the manifest and the disk. `onRead` counts bytes of files that have been read. */
export async function differencesOf(
  layout: Layout,
  manifest: Manifest,
  onRead: (bytes: number) => void,
): Promise<Difference[]> {
  const root = layout.release(manifest.tag);
  const { differences, toRead } = compareTree(manifest.entries, await walk(root), RELEASE_DIR_MODE);
  const reader = new FileReader();
  const spoilt: Difference[] = [];
  for (const entry of toRead) {
    let read = 0;
    const tell = (bytes: number) => {
      read += bytes;
      onRead(bytes);
    };
    // Its mode has been compared already.
    if (!(await reader.holds(`${root}/${entry.path}`, { ...entry, mode: 0 }, tell))) {
      spoilt.push({ path: entry.path, how: "content" });
    }
    // Of one that could not be read to its end, the rest is not waited for either.
    onRead(entry.size - read);
  }
  return [...differences, ...spoilt].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** What stands below a folder, and the folder itself as `.`. Only real folders are entered. */
async function walk(root: string): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  const breath = new Breath();
  const folders = ["."];
  addFound(found, root, ".");
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const one = found.get(folder);
    if (one?.type !== "dir") continue;
    const names = namesIn(`${root}/${folder}`);
    if (names === undefined) found.set(folder, { ...one, isClosed: true });
    for (const name of names ?? []) {
      const path = folder === "." ? name : `${folder}/${name}`;
      addFound(found, `${root}/${path}`, path);
      folders.push(path);
    }
    if (breath.isDue()) await breath.take();
  }
  return found;
}

function namesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** What went away in between is not there. A name that is no UTF-8, which no manifest has, can not be looked up by its text. */
function addFound(found: Map<string, Found>, place: string, path: string): void {
  try {
    found.set(path, foundOf(lstatSync(place), place));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    if (path.includes("\ufffd")) found.set(path, { type: "other" });
  }
}

function foundOf(stat: Stats, place: string): Found {
  const mode = stat.mode & 0o7777;
  if (stat.isFile()) return { type: "file", mode, size: stat.size };
  if (stat.isDirectory()) return { type: "dir", mode };
  return stat.isSymbolicLink() ? { type: "link", target: readlinkSync(place) } : { type: "other" };
}
