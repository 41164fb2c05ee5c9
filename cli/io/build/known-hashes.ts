/**
 * What the files of a build hashed to when it was last deployed, so that a file that was not touched since is not read again.
 *
 * - The rule is git's for its index (racy-git.txt): size, modification and change time, inode and device are as they were,
 *   and both times were well past when the file was hashed. The change time is the kernel's own and no program can set it.
 * - That is so where the kernel itself keeps these times. On other file systems (a network's, FUSE) nothing is remembered: an old hash
 *   would let a changed build count as the one before, which no host could notice.
 * - Whatever a host does not find to hash to what was said fails the deploy. Then all of it is forgotten.
 * - In the user's own cache, one file for each build. One that can not be read or written is done without.
 */
import { hash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, type Stats, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../replace-file.ts";

export interface KnownHashes {
  /** undefined: it has to be read. `look` (lstat) is called only where something is known of that path. */
  find(path: string, look: () => Stats): { readonly stat: Stats; readonly sha256: string } | undefined;
  /** What a file hashes to that looks like this. */
  note(path: string, stat: Stats, sha256: string): void;
  /** For the next time. Never throws. */
  save(): void;
  /** Nothing is known the next time. Never throws. */
  forget(): void;
}

type Known = readonly [size: number, mtimeMs: number, ctimeMs: number, ino: number, dev: number, sha256: string];

/** Of the file's own layout: another one is not read. */
const VERSION = 1;
/** File systems tell times in steps of up to 2 s (FAT); what was changed twice within one step looks changed once. */
const SETTLED_MS = 2_000;
/** Builds that are remembered, those that were deployed last. */
const BUILDS = 20;
/** statfs(2): ext2 to ext4, xfs, btrfs, f2fs, zfs, overlayfs, tmpfs. */
const OWN_TIMES = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0x794c7630, 0x01021994]);
const OPEN_TO_OTHERS = 0o022;

/** `cacheFolder`: zdr's own. `build`: its absolute path. `now`: before a file of it was looked at. */
export function openKnownHashes(cacheFolder: string, build: string, now: number): KnownHashes | undefined {
  const dev = deviceOf(build);
  if (dev === undefined) return undefined;
  const folder = join(cacheFolder, "builds");
  const file = join(folder, `${hash("sha256", build, "hex").slice(0, 32)}.json`);
  const before = readKnown(folder, file, build);
  const after: Record<string, Known> = Object.create(null);
  let isNew = false;
  return {
    find(path, look) {
      const known = before[path];
      if (!isKnown(known)) return undefined;
      const stat = look();
      if (!stat.isFile() || !looksLike(known, stat)) return undefined;
      after[path] = known;
      return { stat, sha256: known[5] };
    },
    note(path, stat, sha256) {
      if (Math.max(stat.mtimeMs, stat.ctimeMs) > now - SETTLED_MS || stat.dev !== dev) return;
      after[path] = [stat.size, stat.mtimeMs, stat.ctimeMs, stat.ino, stat.dev, sha256];
      isNew = true;
    },
    save() {
      if (isNew) attempt(() => writeKnown(folder, file, { version: VERSION, build, files: after }));
    },
    forget() {
      attempt(() => rmSync(file, { force: true }));
    },
  };
}

function isKnown(found: unknown): found is Known {
  return Array.isArray(found) && found.length === 6 && /^[0-9a-f]{64}$/.test(found[5]);
}

function looksLike([size, mtimeMs, ctimeMs, ino, dev]: Known, stat: Stats): boolean {
  return (
    stat.size === size && stat.mtimeMs === mtimeMs && stat.ctimeMs === ctimeMs && stat.ino === ino && stat.dev === dev
  );
}

/** Whoever may write there could have a changed build count as deployed, so it has to be this user alone. */
function readKnown(folder: string, file: string, build: string): Readonly<Record<string, unknown>> {
  try {
    const { uid, mode } = statSync(folder);
    if (uid !== process.getuid?.() || (mode & OPEN_TO_OTHERS) !== 0) return {};
    const found = JSON.parse(readFileSync(file, "utf8"));
    return found.version === VERSION && found.build === build ? Object.assign(Object.create(null), found.files) : {};
  } catch {
    return {};
  }
}

function writeKnown(folder: string, file: string, content: object): void {
  // Not what is above it: a home that is not there stays so, and the launcher has made the rest.
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  replaceFile(file, JSON.stringify(content), 0o600);
  // Drafts of those who were killed are among the rest, and grow old like it.
  const byAge = readdirSync(folder)
    .map((name) => ({ name, at: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { name } of byAge.slice(BUILDS)) rmSync(join(folder, name), { force: true });
}

/** Of a build on a file system whose times are the kernel's; undefined: it is on another, or not there. */
function deviceOf(build: string): number | undefined {
  try {
    return OWN_TIMES.has(statfsSync(build).type) ? statSync(build).dev : undefined;
  } catch {
    return undefined;
  }
}

/** No home, no room, no rights: the next deploy reads every file, as the first one did. */
function attempt(call: () => void): void {
  try {
    call();
  } catch {}
}
