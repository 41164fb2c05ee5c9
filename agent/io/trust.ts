/**
 * Whether the layout can be trusted: whoever could change a folder of it, or put another one in its place, could choose what
 * is run here.
 *
 * - deploy_to, releases/, run/ and lib/ are this user's own, and nobody else may write to them.
 * - .zdr and everything in it is this user's own, and closed to everybody else.
 * - Every folder above belongs to root or to this user. One that others may write to is sticky: there nobody can rename or
 *   remove what is somebody else's (inode(7)).
 */
import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { posix } from "node:path";
import { AgentError } from "../core/failure.ts";
import type { Layout } from "../core/layout.ts";
import { ifThere, onFile } from "./files.ts";

const WRITABLE_BY_OTHERS = 0o022;
const OPEN_TO_OTHERS = 0o077;
const STICKY = 0o1000;

/**
 * What `setup` has made may have been changed since.
 * @throws AgentError layout-missing, foreign-owner, unsafe-mode, not-a-folder
 */
export function checkLayout(layout: Layout): void {
  requireOwnZdr(layout);
  const { deployTo, releases, zdr, run, lib } = layout;
  checkFolder(zdr, lstatSync(zdr), OPEN_TO_OTHERS);
  // deploy_to may be reached through a link, which is its parent's business.
  checkFolder(deployTo, statSync(deployTo), WRITABLE_BY_OTHERS);
  const found = ifThere("look at", releases, () => lstatSync(releases));
  if (!found) throw new AgentError({ reason: "layout-missing", path: releases });
  checkFolder(releases, found, WRITABLE_BY_OTHERS);
  for (const path of [run, lib]) {
    const there = ifThere("look at", path, () => lstatSync(path));
    if (there !== undefined) checkFolder(path, there, WRITABLE_BY_OTHERS);
  }
  checkPrivateFiles(zdr);
  checkFoldersAbove(deployTo);
}

/** Fails where `.zdr`, which holds the lock, is missing or somebody else's. */
export function requireOwnZdr({ zdr }: Layout): void {
  const found = ifThere("look at", zdr, () => lstatSync(zdr));
  if (!found) throw new AgentError({ reason: "layout-missing", path: zdr });
  checkFolder(zdr, found, 0);
}

/** Every folder from the root down to the one that `path` stands in. Of a path that is not there yet, those that are. */
export function checkFoldersAbove(path: string): void {
  const real = ifThere("look at", path, () => realpathSync(path));
  const uid = ownUid();
  for (let at = real ?? path; at !== "/"; ) {
    at = posix.dirname(at);
    const folder = at;
    const found = ifThere("look at", folder, () => statSync(folder));
    if (found === undefined) continue;
    if (!found.isDirectory()) throw new AgentError({ reason: "not-a-folder", path: folder });
    if (found.uid !== 0 && found.uid !== uid)
      throw new AgentError({ reason: "foreign-owner", path: folder, ownerUid: found.uid, uid, above: path });
    if ((found.mode & WRITABLE_BY_OTHERS) !== 0 && (found.mode & STICKY) === 0)
      throw new AgentError({ reason: "unsafe-mode", path: folder, mode: found.mode & 0o7777, above: path });
  }
}

/** What stands in `.zdr` itself; what is deeper stands in folders that are looked at here. */
function checkPrivateFiles(zdr: string): void {
  for (const name of onFile("list", zdr, () => readdirSync(zdr))) {
    const path = posix.join(zdr, name);
    // Another command's temporary file may be gone by now.
    const found = ifThere("look at", path, () => lstatSync(path));
    if (found !== undefined) checkOwner(path, found, OPEN_TO_OTHERS);
  }
}

function checkFolder(path: string, found: Stats, forbidden: number): void {
  if (!found.isDirectory()) throw new AgentError({ reason: "not-a-folder", path });
  checkOwner(path, found, forbidden);
}

function checkOwner(path: string, found: Stats, forbidden: number): void {
  const uid = ownUid();
  if (found.uid !== uid) throw new AgentError({ reason: "foreign-owner", path, ownerUid: found.uid, uid });
  // A link's own mode means nothing.
  if (!found.isSymbolicLink() && (found.mode & forbidden) !== 0)
    throw new AgentError({ reason: "unsafe-mode", path, mode: found.mode & 0o7777 });
}

function ownUid(): number {
  return process.getuid?.() ?? 0;
}
