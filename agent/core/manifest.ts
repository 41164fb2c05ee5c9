/**
 * What a manifest may say. It comes over a wire, so nothing in it is believed.
 *
 * - Nothing that is accepted names a place outside the release: no path, and no link, also not through another link.
 * - No two accepted entries can be the same file, whatever the file system thinks of Unicode.
 * - Below a file or a link nothing stands.
 */
import { posix } from "node:path";
import type { AgentFailure } from "../wire/failure.ts";
import { type Manifest, type ManifestEntry, TAG_PATTERN } from "../wire/release.ts";

type Link = Extract<ManifestEntry, { type: "link" }>;

const SHA256_PATTERN = /^[0-9a-f]{64}$/;
/** The nine permission bits; a release carries no sticky bit, and setuid and setgid only where deploy.yml allows them. */
const MODE_MASK = 0o777;
const SETUID_AND_SETGID = 0o6000;
/** NAME_MAX of the file systems that Linux has. */
const NAME_LIMIT_BYTES = 255;
/** Of PATH_MAX (4096 with the NUL), less some for the folder in front. */
const PATH_LIMIT_BYTES = 3840;
const TARGET_LIMIT_BYTES = 4095;
/** path_resolution(7): Linux gives up with ELOOP after as many links. */
const LINK_LIMIT = 40;

/** Why this manifest is refused; undefined: it is sound. That its digest is right is for the caller, who can hash. */
export function manifestProblem(manifest: Manifest, allowSetuid = false): AgentFailure | undefined {
  const { tag, digest, entries } = manifest;
  if (!TAG_PATTERN.test(tag)) return { reason: "bad-request", detail: `tag ${JSON.stringify(tag)}` };
  if (!SHA256_PATTERN.test(digest)) return { reason: "bad-request", detail: "the digest is no sha256" };
  const byName = new Map<string, ManifestEntry>();
  for (const entry of entries) {
    const problem = entryProblem(entry, allowSetuid);
    if (problem !== undefined) return unsafe(entry.path, problem);
    const name = nameKey(entry.path);
    const twin = byName.get(name);
    if (twin !== undefined) return unsafe(entry.path, twinProblem(entry, twin));
    byName.set(name, entry);
  }
  return treeProblem(entries, byName);
}

/** Folders that entries stand in without naming them. Parents come before their children. */
export function impliedFolders(entries: readonly ManifestEntry[]): string[] {
  const named = new Set(entries.flatMap((entry) => (entry.type === "dir" ? [entry.path] : [])));
  const implied = new Set<string>();
  for (const folder of foldersOf(entries)) {
    for (const parent of [...parentsOf(folder), folder]) if (!named.has(parent)) implied.add(parent);
  }
  return [...implied];
}

/** Those that entries stand in directly. A tree of thousands of files has few. */
function foldersOf(entries: readonly ManifestEntry[]): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const { path } of entries) {
    const at = path.lastIndexOf("/");
    if (at !== -1) folders.add(path.slice(0, at));
  }
  return folders;
}

/**
 * Why these shared paths can not be linked into this build: the build has something there too, or a path leaves the
 * release, or one shared path stands in another.
 */
export function sharedProblem(
  entries: readonly ManifestEntry[],
  shared: { readonly dirs: readonly string[]; readonly files: readonly string[] },
): AgentFailure | undefined {
  const wanted = [...shared.dirs, ...shared.files];
  for (const path of wanted) {
    const problem = pathProblem(path);
    if (problem !== undefined) return unsafe(path, problem);
  }
  if (wanted.length === 0) return undefined;
  const taken = new Map<string, "folder" | "other">();
  for (const path of impliedFolders(entries)) taken.set(nameKey(path), "folder");
  for (const { path, type } of entries) taken.set(nameKey(path), type === "dir" ? "folder" : "other");
  for (const path of wanted) {
    const isBlocked = parentsOf(path).some((parent) => taken.get(nameKey(parent)) === "other");
    if (isBlocked || taken.has(nameKey(path))) return { reason: "shared-conflict", path };
    for (const parent of parentsOf(path)) taken.set(nameKey(parent), "folder");
    taken.set(nameKey(path), "other");
  }
  return undefined;
}

function unsafe(path: string, problem: string): AgentFailure {
  return { reason: "unsafe-path", path, problem };
}

function entryProblem(entry: ManifestEntry, allowSetuid: boolean): string | undefined {
  const problem = pathProblem(entry.path);
  if (problem !== undefined) return problem;
  if (entry.type === "link") return targetProblem(entry.target);
  const mask = allowSetuid && entry.type === "file" ? MODE_MASK | SETUID_AND_SETGID : MODE_MASK;
  if (entry.mode > mask || (entry.mode & ~mask) !== 0) return `has mode ${entry.mode.toString(8)}`;
  if (entry.type === "dir") return undefined;
  if (!Number.isSafeInteger(entry.size) || entry.size < 0) return "has an impossible size";
  return SHA256_PATTERN.test(entry.sha256) ? undefined : "has no sha256";
}

function pathProblem(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.startsWith("/")) return "is absolute";
  const problem = textProblem(path);
  if (problem !== undefined) return problem;
  for (const part of path.split("/")) {
    if (part === "") return "has an empty part";
    if (part === "." || part === "..") return `has a part ${part}`;
    if (part.endsWith("\n")) return "has a newline at the end of a name";
    if (isLonger(part, NAME_LIMIT_BYTES)) return `has a name of more than ${NAME_LIMIT_BYTES} bytes`;
  }
  return isLonger(path, PATH_LIMIT_BYTES) ? `has more than ${PATH_LIMIT_BYTES} bytes` : undefined;
}

function targetProblem(target: string): string | undefined {
  if (target === "") return "is a link to nothing";
  if (isLonger(target, TARGET_LIMIT_BYTES)) return `is a link to more than ${TARGET_LIMIT_BYTES} bytes`;
  return textProblem(target);
}

/** A UTF-16 unit becomes three bytes at most: nearly all names are short enough by that alone. */
function isLonger(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes;
}

/** What can not be bytes of a name: two different texts of this kind could become one file. */
function textProblem(text: string): string | undefined {
  if (text.includes("\0")) return "has a NUL in it";
  return /\p{Surrogate}/u.test(text) ? "is no Unicode text" : undefined;
}

/** Two names with the same key are one file on file systems that normalise (ZFS can, HFS+ does). */
function nameKey(path: string): string {
  return /[^\x00-\x7f]/.test(path) ? path.normalize("NFC") : path;
}

/** Where upper and lower case are one, another spelling of a link is that link: it must not hide where a path leads. */
function caseKey(path: string): string {
  return nameKey(path).toLowerCase();
}

function twinProblem(entry: ManifestEntry, twin: ManifestEntry): string {
  return entry.path === twin.path ? "appears twice" : "differs from another name only in Unicode normalisation";
}

/** `a/b/c` -> `a`, `a/b`. */
function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) parents.push(path.slice(0, at));
  return parents;
}

function treeProblem(
  entries: readonly ManifestEntry[],
  byName: ReadonlyMap<string, ManifestEntry>,
): AgentFailure | undefined {
  const sound = new Set<string>();
  const links = new Map<string, Link>();
  for (const entry of entries) if (entry.type === "link") links.set(caseKey(entry.path), entry);
  // A folder that is there is entered, whatever link differs from it only in case: where case does not count, the two can not be made.
  const folders = new Set(links.size === 0 ? [] : impliedFolders(entries).map(nameKey));
  const at = (path: string) =>
    byName.get(nameKey(path)) ?? (folders.has(nameKey(path)) ? undefined : links.get(caseKey(path)));
  for (const entry of entries) {
    const problem = placeProblem(entry, byName, sound) ?? (entry.type === "link" ? linkProblem(entry, at) : undefined);
    if (problem !== undefined) return unsafe(entry.path, problem);
  }
  return undefined;
}

/** `sound`: folders that were looked at with all above them; a tree of thousands of files has few. */
function placeProblem(
  entry: ManifestEntry,
  byName: ReadonlyMap<string, ManifestEntry>,
  sound: Set<string>,
): string | undefined {
  const folder = posix.dirname(entry.path);
  if (sound.has(folder)) return undefined;
  for (const parent of parentsOf(entry.path)) {
    const above = byName.get(nameKey(parent));
    if (above === undefined) continue;
    if (above.type !== "dir") return `stands below a ${above.type}`;
    // The folder would be made twice on one file system and once on another.
    if (above.path !== parent) return "differs from its folder's name in Unicode normalisation";
  }
  sound.add(folder);
  return undefined;
}

/** Walks the target as path_resolution(7) does, from the link's own folder, following other links of the manifest. */
function linkProblem(link: Link, entryAt: (path: string) => ManifestEntry | undefined): string | undefined {
  const folder = posix.dirname(link.path);
  const at = folder === "." ? [] : folder.split("/");
  const ahead = link.target.split("/").reverse();
  if (link.target.startsWith("/")) return "leads outside the release";
  for (let followed = 0; ahead.length > 0; ) {
    const part = ahead.pop() ?? "";
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.pop() === undefined) return "leads outside the release";
      continue;
    }
    const next = entryAt([...at, part].join("/"));
    if (next?.type !== "link") at.push(part);
    else if (next.target.startsWith("/")) return "leads outside the release";
    else if (++followed > LINK_LIMIT) return "is a link that goes in a circle";
    else ahead.push(...next.target.split("/").reverse());
  }
  return undefined;
}
