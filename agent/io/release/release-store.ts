/**
 * A release's life on its host.
 *
 * - What stands under `releases/` is complete, was verified byte by byte after it arrived, and is durable.
 * - Its manifest is durable before it appears. Whatever fails on the way, the incoming folder goes and nothing appears. Only where the
 *   disk hangs is it left to the next holder of the host's lock.
 * - A release leaves in one rename, so that half of one is never taken for one.
 *
 *   planStage ─► createIncoming ─► copyFromReleases ─► receive.ts ─► publish ─► verifyRelease … removeRelease
 *                      └──────────────── dropIncoming ◄──────┘
 */
import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync } from "node:fs";
import { AgentError, failureOf } from "../../core/failure.ts";
import type { Layout } from "../../core/layout.ts";
import { PRIVATE_DIR_MODE } from "../../core/layout.ts";
import { manifestProblem } from "../../core/manifest.ts";
import { canonicalManifest, type Manifest, type ManifestEntry } from "../../wire/release.ts";
import { errnoOf, ifThere, onFile } from "../files.ts";
import { moment } from "../moment.ts";
import { type FileEntry, FileReader, sha256 } from "./bytes.ts";
import { type DurableOptions, makeDurable, requireSpace, storeError, syncFolders } from "./disk.ts";
import {
  makeFolder,
  readHoldings,
  readManifest,
  readManifestHead,
  removeManifest,
  writeManifest,
} from "./manifests.ts";
import { linkShared, type SharedPaths } from "./shared.ts";
import { closeFolders, makeFolders, makeLinks, removeTree } from "./tree.ts";

/** A file that need not travel: `source` is the absolute path of its like in a release of this host. */
export interface Copy {
  /** Into the manifest's entries. */
  readonly index: number;
  readonly source: string;
}

export interface StagePlan {
  /** `releases/<tag>` is there with this content. */
  readonly staged: boolean;
  /** Indices of the files to send, in the manifest's order. */
  readonly missing: readonly number[];
  readonly copies: readonly Copy[];
}

/** A release that is on its way. */
export interface Incoming {
  readonly layout: Layout;
  readonly manifest: Manifest;
  /** `.zdr/incoming/<id>`, of this session alone. */
  readonly path: string;
}

/** Refuses a manifest that is unsafe (`unsafe-path`, `bad-request`) or is not what its digest says. */
export function checkManifest(manifest: Manifest, allowSetuid: boolean): void {
  const problem = manifestProblem(manifest, allowSetuid);
  if (problem !== undefined) throw new AgentError(problem);
  if (sha256(canonicalManifest(manifest.entries)) !== manifest.digest) {
    throw new AgentError({ reason: "bad-request", detail: "the digest is not that of the entries" });
  }
}

/** The absolute path of a file of that sha256 (hex), by what manifests say: whoever takes it hashes it. */
export type Sources = ReadonlyMap<string, string>;

/**
 * What of this manifest the host lacks, reading only. `findSources`: what there is on this host. With `readSources`, sources are
 * also hashed, so that the answer is the one that a real run would end with. Fails with `release-differs` where the tag is taken
 * by other content.
 */
export async function planStage(
  layout: Layout,
  manifest: Manifest,
  findSources: () => Sources,
  { readSources = false }: { readonly readSources?: boolean } = {},
): Promise<StagePlan> {
  if (isStaged(layout, manifest)) return { staged: true, missing: [], copies: [] };
  const sources = findSources();
  const reader = new FileReader();
  const missing: number[] = [];
  const copies: Copy[] = [];
  for (const [index, entry] of manifest.entries.entries()) {
    if (entry.type !== "file") continue;
    const source = sources.get(entry.sha256);
    const isThere = source !== undefined && isRegular(source, entry.size);
    if (isThere && (!readSources || (await reader.holds(source, { ...entry, mode: 0 }))))
      copies.push({ index, source });
    else missing.push(index);
  }
  return { staged: false, missing, copies };
}

function isStaged(layout: Layout, manifest: Manifest): boolean {
  const place = layout.release(manifest.tag);
  const stat = ifThere("look at", place, () => lstatSync(place));
  if (stat === undefined) return false;
  const there = stat.isDirectory() ? readManifestHead(layout, manifest.tag) : undefined;
  if (there?.digest === manifest.digest) return true;
  const { tag, digest } = manifest;
  throw new AgentError({ reason: "release-differs", tag, stagedDigest: there?.digest ?? "", digest });
}

/** The files of all releases of this host. A manifest whose release is gone serves nothing. */
export function findSources(layout: Layout): Sources {
  const sources = new Map<string, string>();
  for (const { tag, files } of readHoldings(layout)) {
    const root = layout.release(tag);
    if (ifThere("look at", root, () => lstatSync(root))?.isDirectory() !== true) continue;
    for (const { sha256, path } of files) sources.set(sha256, `${root}/${path}`);
  }
  return sources;
}

function isRegular(path: string, size: number): boolean {
  try {
    const stat = lstatSync(path);
    return stat.isFile() && stat.size === size;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** Fails with `layout-missing`, `no-space` or `no-inodes` where this release could not be received. `there`: has been, in part. Writes nothing. */
export function requireRoom(layout: Layout, manifest: Manifest, there: readonly ManifestEntry[] = []): void {
  for (const path of [layout.zdr, layout.releases]) {
    if (!isThere(path)) throw new AgentError({ reason: "layout-missing", path });
  }
  const arrived = new Set(there);
  requireSpace(
    layout.releases,
    manifest.entries.filter((entry) => !arrived.has(entry)),
  );
}

/** Makes the incoming folder with all folders of the release. requireRoom() comes first. */
export async function createIncoming(layout: Layout, manifest: Manifest): Promise<Incoming> {
  makeFolder(layout.incoming);
  const path = layout.incomingUpload(randomBytes(8).toString("hex"));
  const incoming = { layout, manifest, path };
  onFile("make the folder", path, () => mkdirSync(path, { mode: PRIVATE_DIR_MODE }));
  moment("incoming: made");
  await orDrop(incoming, () => makeFolders(path, manifest.entries));
  moment("incoming: folders made");
  return incoming;
}

/**
 * Copies what other releases of this host have. Each file is hashed as it arrives; the indices of those whose source is
 * no longer what its manifest says come back, and have to be sent like the rest.
 */
export async function copyFromReleases(incoming: Incoming, copies: readonly Copy[]): Promise<number[]> {
  const reader = new FileReader();
  const spoilt: number[] = [];
  await orDrop(incoming, async () => {
    for (const { index, source } of copies) {
      const entry = incoming.manifest.entries[index];
      if (entry?.type !== "file") continue;
      if (!(await reader.copy(source, `${incoming.path}/${entry.path}`, entry))) spoilt.push(index);
      moment("incoming: file copied");
    }
  });
  return spoilt;
}

/**
 * Finishes the tree (links, shared links, modes), makes it durable and lets it appear as `releases/<tag>`.
 * Every file must have been copied or received. `durableMs`: what waiting for the disk cost.
 */
export async function publish(
  incoming: Incoming,
  shared: SharedPaths,
  durable: DurableOptions = {},
): Promise<{ readonly durableMs: number }> {
  const { layout, manifest, path } = incoming;
  return await orDrop(incoming, async () => {
    makeLinks(path, manifest.entries);
    moment("incoming: links made");
    linkShared(path, shared);
    moment("incoming: shared paths linked");
    closeFolders(path, manifest.entries);
    moment("incoming: modes set");
    const syncMs = await makeDurable(path, durable);
    moment("incoming: synced");
    const startedAt = performance.now();
    requireFree(layout, manifest);
    writeManifest(layout, manifest);
    moment("manifest: written");
    onFile("publish as", layout.release(manifest.tag), () => renameSync(path, layout.release(manifest.tag)));
    moment("release: published");
    syncFolders(layout.releases, layout.incoming);
    moment("release: synced");
    return { durableMs: syncMs + performance.now() - startedAt };
  });
}

/** rename(2) would replace an empty folder, and the manifest would replace that of another release. */
function requireFree(layout: Layout, { tag, digest }: Manifest): void {
  if (isThere(layout.release(tag))) throw new AgentError({ reason: "release-differs", tag, stagedDigest: "", digest });
}

/** Forgets an upload. Nothing is left of it, and no failure of this hides the one that led here. */
export async function dropIncoming(incoming: Incoming): Promise<void> {
  await removeTree(incoming.path).catch(() => undefined);
}

/**
 * Removes what sessions that died left in `.zdr/incoming`, but for what has come of one release (part.ts). Only for the holder of
 * the host's lock.
 */
export async function clearIncoming(layout: Layout, kept?: string): Promise<void> {
  for (const name of ifThere("list", layout.incoming, () => readdirSync(layout.incoming)) ?? []) {
    if (name !== kept) await removeTree(layout.incomingUpload(name)).catch(() => undefined);
  }
}

/** Runs a step of staging; if it fails, the incoming folder goes, and the failure says what it means. */
export async function orDrop<T>(incoming: Incoming, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const failure = storeFailure(incoming, error);
    // Where the disk hangs, this would be one thing more to wait for.
    if (failureOf(failure).reason !== "disk-silent") await dropIncoming(incoming);
    throw failure;
  }
}

/** What a failed write into the incoming folder means. Asked before the folder goes: that makes room again. */
export function storeFailure({ manifest, layout, path }: Incoming, error: unknown): unknown {
  const twin = twinFailure(path, error);
  if (twin !== undefined) return twin;
  const needBytes = manifest.entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0);
  return storeError(error, "write below", layout.incoming, needBytes);
}

/** Nothing is made twice in a folder that is nobody else's, unless two names are one to its file system. */
function twinFailure(root: string, error: unknown): AgentError | undefined {
  const failure = error instanceof AgentError ? error.failure : undefined;
  if (failure?.reason !== "io" || failure.code !== "EEXIST" || !failure.path.startsWith(`${root}/`)) return undefined;
  const problem = "is another name's twin: the host's file system does not tell upper from lower case there";
  return new AgentError({ reason: "unsafe-path", path: failure.path.slice(root.length + 1), problem }, error);
}

/**
 * Takes a release away. `leftover`: files that this user may not delete (a program may have put some there as another
 * user); they lie under `.zdr/incoming`, and clearIncoming tries again.
 */
export async function removeRelease(layout: Layout, tag: string): Promise<{ readonly leftover?: string }> {
  makeFolder(layout.incoming);
  const trash = layout.incomingUpload(`trash-${tag}-${randomBytes(4).toString("hex")}`);
  const place = layout.release(tag);
  if (isThere(place)) {
    onFile("remove", place, () => renameSync(place, trash));
    moment("prune: moved away");
    syncFolders(layout.releases, layout.incoming);
  }
  removeManifest(layout, tag);
  moment("prune: manifest removed");
  try {
    await removeTree(trash);
    moment("prune: files removed");
    return {};
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return { leftover: trash };
  }
}

function isThere(path: string): boolean {
  return ifThere("look at", path, () => lstatSync(path)) !== undefined;
}

/**
 * Reads a whole release again: the path of the first entry that is not what the manifest says, undefined where all are.
 * What a program added beside them is its own business. Fails with `release-missing` where there is nothing to compare,
 * and with `interrupted` once `gone`.
 */
export async function verifyRelease(layout: Layout, tag: string, gone?: AbortSignal): Promise<string | undefined> {
  const manifest = readManifest(layout, tag);
  const root = layout.release(tag);
  if (manifest === undefined || !isThere(root)) throw new AgentError({ reason: "release-missing", tag });
  const reader = new FileReader();
  for (const entry of manifest.entries) {
    if (gone?.aborted) throw new AgentError({ reason: "interrupted" });
    const path = `${root}/${entry.path}`;
    if (entry.type === "file" ? !(await reader.holds(path, entry)) : !isAsBuilt(path, entry)) return entry.path;
  }
  return undefined;
}

function isAsBuilt(path: string, entry: Exclude<Manifest["entries"][number], FileEntry>): boolean {
  try {
    if (entry.type === "link") return readlinkSync(path) === entry.target;
    const stat = lstatSync(path);
    return stat.isDirectory() && (stat.mode & entry.mode) === entry.mode;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}
