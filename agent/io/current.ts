/** The link that says which release serves. It changes by one rename(2), and what it says is read back. */
import { lstatSync, readlinkSync, realpathSync, renameSync, symlinkSync } from "node:fs";
import { AgentError } from "../core/failure.ts";
import { type Layout, tagOfLink } from "../core/layout.ts";
import { discardFile, fsyncPath, ifThere, onFile, removeFile, temporaryBeside } from "./files.ts";
import { moment } from "./moment.ts";

/** The tag that `current` names, or undefined before the first deploy. A real folder or a foreign link is refused. */
export function readCurrent(layout: Layout): string | undefined {
  const found = ifThere("look at", layout.current, () => lstatSync(layout.current));
  if (!found) return undefined;
  if (!found.isSymbolicLink()) throw new AgentError({ reason: "current-not-a-link", path: layout.current });
  const target = onFile("read", layout.current, () => readlinkSync(layout.current));
  const tag = tagOfLink(target, layout.deployTo) ?? tagOfRealPath(target, layout);
  if (tag === undefined) throw new AgentError({ reason: "current-outside", path: layout.current, target });
  return tag;
}

/** What made it may have known deploy_to by the path that a link on the way to it leads to. */
function tagOfRealPath(target: string, { deployTo }: Layout): string | undefined {
  const real = ifThere("look at", deployTo, () => realpathSync(deployTo));
  return real === undefined ? undefined : tagOfLink(target, real);
}

/** When `current` was last made to name what it names. */
export function lastFlip(layout: Layout): Date | undefined {
  return ifThere("look at", layout.current, () => lstatSync(layout.current))?.mtime;
}

/** Points `current` at a release: a new link beside it, renamed over it, made durable, read back. */
export function flipCurrent(layout: Layout, tag: string): void {
  readCurrent(layout);
  const temporary = temporaryBeside(layout.current);
  onFile("flip", layout.current, () => {
    symlinkSync(layout.linkTarget(tag), temporary);
    moment("flip: link made");
    try {
      renameSync(temporary, layout.current);
    } catch (error) {
      discardFile(temporary);
      throw error;
    }
    moment("flip: renamed");
    fsyncPath(layout.deployTo);
    moment("flip: synced");
  });
  const now = readCurrent(layout);
  if (now !== tag)
    throw new AgentError({ reason: "io", path: layout.current, operation: "flip", code: `names ${now}` });
}

/** Takes `current` away: how a first deploy is reverted. */
export function removeCurrent(layout: Layout): void {
  onFile("remove", layout.current, () => {
    removeFile(layout.current);
    fsyncPath(layout.deployTo);
  });
}
