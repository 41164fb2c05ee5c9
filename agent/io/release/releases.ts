/** Which releases there are, and which of them somebody stands in. */
import { readdirSync, readlinkSync, realpathSync } from "node:fs";
import type { Layout } from "../../core/layout.ts";
import { ifThere } from "../files.ts";
import { listProcesses } from "../process/processes.ts";

/** The tags under `releases/`. */
export function presentReleases(layout: Layout): string[] {
  return ifThere("list", layout.releases, () => readdirSync(layout.releases)) ?? [];
}

/**
 * Those of `present` that a living process executes or has as its cwd, whoever started it: an open shell counts as well.
 * By path: prune errs on the side of keeping, so a name that only looks like a
 * release's is kept too.
 */
export function releasesStoodIn(layout: Layout, present: readonly string[]): Set<string> {
  const root = realpathSync(layout.deployTo);
  const used = new Set<string>();
  for (const { pid } of listProcesses()) {
    for (const place of [linkOf(`/proc/${pid}/exe`), linkOf(`/proc/${pid}/cwd`)]) {
      const tag = place === undefined ? undefined : tagUnder(root, place);
      if (tag !== undefined && present.includes(tag)) used.add(tag);
    }
  }
  return used;
}

function tagUnder(root: string, path: string): string | undefined {
  const releases = `${root}/releases/`;
  return path.startsWith(releases)
    ? path
        .slice(releases.length)
        .split("/")[0]
        ?.replace(/ \(deleted\)$/, "")
    : undefined;
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
