/**
 * The releases that the hosts of a deploy.yml were last seen to have, for completion: no host is asked while somebody types.
 *
 * - In the user's own cache, one file for each folder with a deploy.yml. One that can not be read or written is done without.
 * - What a host calls a release gets there, and to a shell, only where it is a tag by zdr's own rule.
 */
import { hash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { TAG_PATTERN } from "../../agent/wire/release.ts";
import { replaceFile } from "./replace-file.ts";

/** More than anybody reads. */
const TAGS = 200;
/** Folders that are remembered, those that were last seen. */
const FOLDERS = 50;
const OPEN_TO_OTHERS = 0o022;

/** `cacheFolder`: zdr's own. `folder`: of deploy.yml. Newest first, as far as that is known. */
export function readKnownTags(cacheFolder: string, folder: string): string[] {
  try {
    const place = join(cacheFolder, "tags");
    const { uid, mode } = statSync(place);
    if (uid !== process.getuid?.() || (mode & OPEN_TO_OTHERS) !== 0) return [];
    return fitting(JSON.parse(readFileSync(join(place, nameOf(folder)), "utf8")).tags);
  } catch {
    return [];
  }
}

/** Never throws. */
export function rememberTags(cacheFolder: string, folder: string, tags: readonly string[]): void {
  try {
    const known = fitting(tags);
    if (known.join() === readKnownTags(cacheFolder, folder).join()) return;
    const place = join(cacheFolder, "tags");
    // A home that is not there stays so.
    statSync(dirname(dirname(cacheFolder)));
    mkdirSync(place, { mode: 0o700, recursive: true });
    replaceFile(join(place, nameOf(folder)), JSON.stringify({ folder, tags: known }), 0o600);
    const byAge = readdirSync(place)
      .map((name) => ({ name, at: statSync(join(place, name)).mtimeMs }))
      .sort((a, b) => b.at - a.at);
    for (const { name } of byAge.slice(FOLDERS)) rmSync(join(place, name), { force: true });
  } catch {
    // no home, no room, no rights
  }
}

const nameOf = (folder: string) => `${hash("sha256", folder, "hex").slice(0, 32)}.json`;

function fitting(tags: unknown): string[] {
  const texts = Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string" && TAG_PATTERN.test(tag)) : [];
  return [...new Set<string>(texts)].slice(0, TAGS);
}
