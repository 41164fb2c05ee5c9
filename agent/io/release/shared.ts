/**
 * Shared folders and files: they outlive releases, and each release has a relative link to them.
 *
 * - A shared path that the build also has is refused before a byte is received.
 * - A missing shared file is refused by name; a missing shared folder is made with group and mode of the one it stands in.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { posix } from "node:path";
import { AgentError } from "../../core/failure.ts";
import type { Layout } from "../../core/layout.ts";
import { sharedProblem } from "../../core/manifest.ts";
import { sharedTarget } from "../../core/release/differences.ts";
import type { ProjectPlan } from "../../wire/plan.ts";
import type { ManifestEntry } from "../../wire/release.ts";
import { ifThere, onFile } from "../files.ts";
import { RELEASE_DIR_MODE } from "./tree.ts";

export type SharedPaths = ProjectPlan["shared"];

/** Everything below the permission bits but sticky: setgid is what hands a folder's group on. */
const INHERITED_MODE = 0o2777;

/** Looks, and changes nothing: fails with `shared-conflict`, `shared-missing`, `not-a-folder` or `unsafe-path`. */
export function checkShared(layout: Layout, entries: readonly ManifestEntry[], shared: SharedPaths): void {
  const problem = sharedProblem(entries, shared);
  if (problem !== undefined) throw new AgentError(problem);
  for (const path of shared.dirs) requireFolderOrNothing(posix.join(layout.shared, path));
  for (const path of shared.files) {
    const place = posix.join(layout.shared, path);
    const stat = ifThere("look at", place, () => statSync(place));
    if (stat === undefined || stat.isDirectory()) throw new AgentError({ reason: "shared-missing", path: place });
  }
}

function requireFolderOrNothing(path: string): void {
  const stat = ifThere("look at", path, () => statSync(path));
  if (stat !== undefined && !stat.isDirectory()) throw new AgentError({ reason: "not-a-folder", path });
}

/** Makes the shared folders that are missing; the paths that it made. */
export function makeSharedFolders(layout: Layout, shared: SharedPaths): string[] {
  return shared.dirs.flatMap((path) => makeFolderLikeParent(layout.shared, posix.join(layout.shared, path)));
}

function makeFolderLikeParent(top: string, path: string): string[] {
  if (ifThere("look at", path, () => statSync(path)) !== undefined) return [];
  const parent = posix.dirname(path);
  const made = path === top ? [] : makeFolderLikeParent(top, parent);
  onFile("make the shared folder", path, () => {
    const { gid, mode } = statSync(parent);
    mkdirSync(path, { mode: 0o700 });
    // chown(2) clears setgid for users without privileges, so the mode comes second.
    if (statSync(path).gid !== gid) chownSync(path, -1, gid);
    chmodSync(path, mode & INHERITED_MODE);
  });
  return [...made, path];
}

/**
 * Links every shared path into a release that is still under `.zdr/incoming`. The links are right once the release
 * stands under `releases/`; they are relative, so that the whole of deploy_to can be moved.
 */
export function linkShared(root: string, shared: SharedPaths): void {
  for (const path of [...shared.dirs, ...shared.files]) {
    const place = posix.join(root, path);
    onFile("link the shared path", place, () => {
      makeParents(root, posix.dirname(place));
      symlinkSync(sharedTarget(path), place);
    });
  }
}

/** Those that the build does not have. The others still wait for their own modes. */
function makeParents(root: string, path: string): void {
  if (path === root || existsSync(path)) return;
  makeParents(root, posix.dirname(path));
  mkdirSync(path);
  chmodSync(path, RELEASE_DIR_MODE);
}
