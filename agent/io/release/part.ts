/**
 * What is left of an upload whose link died: the files that had arrived whole, for whoever sends that release again.
 *
 * - It is of one release by its name, and nothing of it is believed: each file is hashed again before it is used.
 * - It is taken by the next upload of that release; every other command that takes the host's lock removes it.
 */
import { chmodSync, lstatSync, renameSync } from "node:fs";
import type { Layout } from "../../core/layout.ts";
import type { Manifest } from "../../wire/release.ts";
import { ifThere, onFile, removeFile } from "../files.ts";
import { moment } from "../moment.ts";
import { type FileEntry, FileReader } from "./bytes.ts";
import type { Incoming } from "./release-store.ts";
import { removeTree } from "./tree.ts";

/** Its name in `.zdr/incoming`. */
export const partName = (tag: string) => `part-${tag}`;

/** Keeps what has come of an upload. `unfinished`: paths in it of which some bytes are missing. */
export async function keepPart({ layout, manifest, path }: Incoming, unfinished: readonly string[]): Promise<void> {
  for (const file of unfinished) removeFile(`${path}/${file}`);
  const part = layout.incomingUpload(partName(manifest.tag));
  await removeTree(part);
  renameSync(path, part);
  moment("incoming: part kept");
}

/** Those of these files that a part of this release seems to hold; how much is to be written is known by that. */
export function filesInPart(layout: Layout, { tag, entries }: Manifest, indices: readonly number[]): FileEntry[] {
  const part = layout.incomingUpload(partName(tag));
  if (ifThere("look at", part, () => lstatSync(part))?.isDirectory() !== true) return [];
  return indices.flatMap((index) => {
    const entry = entries[index];
    if (entry?.type !== "file") return [];
    const stat = ifThere("look at", `${part}/${entry.path}`, () => lstatSync(`${part}/${entry.path}`));
    return stat?.isFile() === true && stat.size === entry.size ? [entry] : [];
  });
}

/**
 * Moves what a part of this release has of these files to where they belong, and removes the rest of it. The indices of those
 * that are there now.
 */
export async function takePart({ layout, manifest, path }: Incoming, indices: readonly number[]): Promise<Set<number>> {
  const taken = new Set<number>();
  const seen = new Set(filesInPart(layout, manifest, indices));
  const part = layout.incomingUpload(partName(manifest.tag));
  const reader = new FileReader();
  for (const index of seen.size === 0 ? [] : indices) {
    const entry = manifest.entries[index];
    if (entry?.type !== "file" || !seen.has(entry)) continue;
    const from = `${part}/${entry.path}`;
    if (!(await reader.holds(from, entry))) continue;
    const to = `${path}/${entry.path}`;
    onFile("move", from, () => renameSync(from, to));
    // Its bytes are the same, but the build may have closed it to others since.
    onFile("change mode of", to, () => chmodSync(to, entry.mode));
    taken.add(index);
    moment("incoming: file taken from a part");
  }
  await removeTree(part);
  return taken;
}
