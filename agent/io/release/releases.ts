/** Which releases there are, and which of them somebody stands in. */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { AgentError } from "../../core/failure.ts";
import type { Layout } from "../../core/layout.ts";
import { mappedPaths } from "../../core/process/proc.ts";
import { ifThere } from "../files.ts";
import { listProcesses } from "../process/processes.ts";

/** The tags under `releases/`. */
export function presentReleases(layout: Layout): string[] {
  return ifThere("list", layout.releases, () => readdirSync(layout.releases)) ?? [];
}

/** Fails with `release-missing` where it has been removed. */
export function requirePresent(layout: Layout, tag: string): void {
  if (!presentReleases(layout).includes(tag)) throw new AgentError({ reason: "release-missing", tag });
}

/** One of those who need a release to stay. */
export interface Occupant {
  readonly pid: number;
  /** What the kernel calls it. */
  readonly command: string;
  readonly as: "executes" | "works in" | "maps";
}

/**
 * Who executes, works in or has mapped files of each release, whoever started it: an open shell counts as well. The first
 * one of each that is found. By path: prune errs on the side of keeping, so a name that only looks like a release's is kept
 * too.
 */
export function occupants(layout: Layout, present: readonly string[]): Map<string, Occupant> {
  const root = realpathSync(layout.deployTo);
  const found = new Map<string, Occupant>();
  for (const { pid } of listProcesses()) {
    const note = (as: Occupant["as"], path: string | undefined) => {
      const tag = path === undefined ? undefined : tagUnder(root, path);
      if (tag === undefined || found.has(tag) || !present.includes(tag)) return;
      found.set(tag, { pid, command: (textOf(`/proc/${pid}/comm`) ?? "").trim(), as });
    };
    note("executes", linkOf(`/proc/${pid}/exe`));
    note("works in", linkOf(`/proc/${pid}/cwd`));
    for (const path of mappedPaths(textOf(`/proc/${pid}/maps`) ?? "")) note("maps", path);
  }
  return found;
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

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
