/** `.zdr/manifests/<tag>.json`: what each release on this host consists of. */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import * as z from "zod/mini";
import { type Layout, PRIVATE_DIR_MODE, PRIVATE_FILE_MODE } from "../../core/layout.ts";
import { manifestProblem } from "../../core/manifest.ts";
import { Manifest, type ManifestEntry, Revision } from "../../wire/release.ts";
import { errnoOf, fileError, ifThere, onFile, removeFile, replaceFile } from "../files.ts";

const HEAD_LIMIT_BYTES = 4096;
/** A quote inside of a text would stand behind a backslash, so this is found nowhere but where the entries begin. */
const ENTRIES_KEY = ',"entries":[';

/** Up and out of the release. */
const CLIMBS = /(?:^|\/)\.\.(?:\/|$)/;

const ManifestHead = z.object({ tag: z.string(), digest: z.string(), revision: z.optional(Revision) });
export type ManifestHead = z.infer<typeof ManifestHead>;

/** The manifest of one release; undefined where there is none that can be believed. */
export function readManifest(layout: Layout, tag: string): Manifest | undefined {
  const path = layout.manifest(tag);
  const text = ifThere("read", path, () => readFileSync(path, "utf8"));
  return text === undefined ? undefined : parseManifest(text, tag);
}

/** What a manifest says of the release as a whole, without reading the thousands of lines about its files. */
export function readManifestHead(layout: Layout, tag: string): ManifestHead | undefined {
  const path = layout.manifest(tag);
  const text = ifThere("read", path, () => readStart(path));
  const end = text?.indexOf(ENTRIES_KEY) ?? -1;
  if (text === undefined || end === -1) return undefined;
  const parsed = ManifestHead.safeParse(parseJson(`${text.slice(0, end)}}`));
  return parsed.success && parsed.data.tag === tag ? parsed.data : undefined;
}

function readStart(path: string): string {
  const fd = openSync(path, "r");
  try {
    const start = Buffer.alloc(HEAD_LIMIT_BYTES);
    return start.toString("utf8", 0, readSync(fd, start));
  } finally {
    closeSync(fd);
  }
}

/** What a release is said to hold. */
export interface Holding {
  readonly tag: string;
  readonly files: readonly HeldFile[];
}
type HeldFile = Pick<Extract<ManifestEntry, { type: "file" }>, "path" | "sha256" | "size">;

/**
 * What every manifest on this host says of files, whether or not its release is still there; damaged ones are passed over.
 * They are looked through and not checked line by line, which takes ten times as long: whoever takes a file from a release
 * hashes it first.
 */
export function readHoldings(layout: Layout): Holding[] {
  const names = ifThere("list", layout.manifests, () => readdirSync(layout.manifests)) ?? [];
  const holdings: Holding[] = [];
  for (const name of names.sort()) {
    const tag = /^(.+)\.json$/.exec(name)?.[1];
    const path = `${layout.manifests}/${name}`;
    const text = tag === undefined ? undefined : ifThere("read", path, () => readFileSync(path, "utf8"));
    const { tag: said, entries } = Object(parseJson(text ?? "")) as { tag?: unknown; entries?: unknown };
    const files = Array.isArray(entries) ? filesAmong(entries) : undefined;
    if (tag !== undefined && tag === said && files !== undefined) holdings.push({ tag, files });
  }
  return holdings;
}

/** undefined: one of them is nothing that was ever written here. */
function filesAmong(entries: readonly unknown[]): HeldFile[] | undefined {
  const files: HeldFile[] = [];
  for (const entry of entries) {
    const { type, path, sha256, size } = Object(entry) as Record<string, unknown>;
    if (typeof path !== "string" || CLIMBS.test(path)) return undefined;
    if (type === "file" && typeof sha256 === "string" && typeof size === "number") files.push({ path, sha256, size });
  }
  return files;
}

/** Durable when it returns. `entries` come last, for readManifestHead(). */
export function writeManifest(layout: Layout, manifest: Manifest): void {
  const { tag, digest, revision, entries } = manifest;
  makeFolder(layout.manifests);
  const text = JSON.stringify({ tag, digest, ...(revision === undefined ? {} : { revision }), entries });
  replaceFile(layout.manifest(tag), `${text}\n`, PRIVATE_FILE_MODE);
}

export function removeManifest(layout: Layout, tag: string): void {
  onFile("remove", layout.manifest(tag), () => removeFile(layout.manifest(tag)));
}

/** A folder under `.zdr`, made where it is missing. Its parent is never made: that would hide a wrong `deploy_to`. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: PRIVATE_DIR_MODE });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw fileError(error, "make the folder", path);
  }
}

function parseManifest(text: string, tag: string): Manifest | undefined {
  const parsed = Manifest.safeParse(parseJson(text));
  if (!parsed.success || parsed.data.tag !== tag) return undefined;
  // What was published with setuid bits was allowed to be.
  return manifestProblem(parsed.data, true) === undefined ? parsed.data : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
