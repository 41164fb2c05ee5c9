/**
 * A manifest beside what was found on the disk. Pure; the disk is agent/io/release/verify.ts's business.
 *
 * - Every entry of the manifest that is missing or another one is named, and everything that the manifest does not have.
 * - A link to a shared path of the same name is part of every release, and so are the folders that lead to it.
 * - What stands below a folder that could not be read is not called removed.
 */
import { posix } from "node:path";
import type { ManifestEntry } from "../../wire/release.ts";
import type { Difference } from "../../wire/verify.ts";
import { impliedFolders } from "../manifest.ts";

export type Found =
  | { readonly type: "file"; readonly mode: number; readonly size: number }
  | { readonly type: "dir"; readonly mode: number; readonly isClosed?: boolean }
  | { readonly type: "link"; readonly target: string }
  | { readonly type: "other" };

type FileEntry = Extract<ManifestEntry, { type: "file" }>;

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Files that look as they should: only their bytes can tell more. */
  readonly toRead: readonly FileEntry[];
}

/** Python's own name for it (PEP 3147). */
const PYTHON_CACHE = "__pycache__";

/** From `releases/<tag>/a/b` to `shared/a/b`: up from the link's own folder, out of the release, out of `releases`. */
export function sharedTarget(path: string): string {
  return posix.join("../".repeat(path.split("/").length + 1), "shared", path);
}

/** `found`: by path; `.` is the release itself. `dirMode`: of folders that no entry names. */
export function compareTree(
  entries: readonly ManifestEntry[],
  found: ReadonlyMap<string, Found>,
  dirMode: number,
): Comparison {
  const differences: Difference[] = [];
  const toRead: FileEntry[] = [];
  const implied = [".", ...impliedFolders(entries)].map((path) => ({ type: "dir", path, mode: dirMode }) as const);
  const expected = new Map<string, ManifestEntry>([...implied, ...entries].map((entry) => [entry.path, entry]));
  const closed = [...found].flatMap(([path, one]) => (one.type === "dir" && one.isClosed ? [path] : []));
  for (const path of closed) differences.push({ path, how: "unreadable" });
  for (const entry of expected.values()) {
    const there = found.get(entry.path);
    if (there !== undefined) differences.push(...entryDifferences(entry, there));
    else if (!closed.some((folder) => folder === "." || entry.path.startsWith(`${folder}/`)))
      differences.push({ path: entry.path, how: "removed" });
    if (entry.type === "file" && there?.type === "file" && there.size === entry.size) toRead.push(entry);
  }
  differences.push(...additions(expected, found));
  return { differences, toRead };
}

function entryDifferences(entry: ManifestEntry, found: Found): Difference[] {
  const { path } = entry;
  if (entry.type !== found.type) return [{ path, how: "type", was: entry.type, is: found.type }];
  if (entry.type === "link" && found.type === "link") {
    return entry.target === found.target ? [] : [{ path, how: "target", was: entry.target, is: found.target }];
  }
  const differences: Difference[] = [];
  if (entry.type === "file" && found.type === "file" && entry.size !== found.size) {
    differences.push({ path, how: "size", was: String(entry.size), is: String(found.size) });
  }
  if (entry.type !== "link" && "mode" in found && entry.mode !== found.mode) {
    differences.push({ path, how: "mode", was: octal(entry.mode), is: octal(found.mode) });
  }
  return differences;
}

function additions(expected: ReadonlyMap<string, unknown>, found: ReadonlyMap<string, Found>): Difference[] {
  const differences: Difference[] = [];
  const onTheWay = sharedParents(found);
  for (const [path, { type }] of found) {
    if (expected.has(path) || onTheWay.has(path)) continue;
    if (isSharedLink(path, found.get(path))) continue;
    const parent = posix.dirname(path);
    const isInCache = posix.basename(parent) === PYTHON_CACHE && !expected.has(parent);
    if (isInCache) continue;
    const isCache = type === "dir" && posix.basename(path) === PYTHON_CACHE;
    differences.push(isCache ? { path, how: "cached" } : { path, how: "added", is: type });
  }
  return differences;
}

function isSharedLink(path: string, found: Found | undefined): boolean {
  return found?.type === "link" && found.target === sharedTarget(path);
}

/** Folders that were made because a shared link stands in them. */
function sharedParents(found: ReadonlyMap<string, Found>): ReadonlySet<string> {
  const parents = new Set<string>();
  for (const [path, one] of found) {
    if (!isSharedLink(path, one)) continue;
    for (let folder = posix.dirname(path); folder !== "."; folder = posix.dirname(folder)) parents.add(folder);
  }
  return parents;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
