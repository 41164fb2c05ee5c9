/** What a build may contain. The agent holds manifests to the same rules (agent/core/manifest.ts) and believes nobody. */
import { posix } from "node:path";

const PERMISSION_BITS = 0o777;
const SPECIAL_ON_FILES = 0o7000;
const STICKY = 0o1000;
const SETUID_AND_SETGID = 0o6000;

/** How modes travel: `normalize` is chmod's `a+rX,go-w` without setuid, setgid and sticky; `preserve` is as built. */
export type ModeRule = "normalize" | "preserve";

/**
 * A mode as it will be on the hosts; undefined where `preserve` would have to keep what a release must not carry.
 * `allowSetuid`: setuid and setgid of files are kept by either rule.
 */
export function releaseMode(mode: number, isFolder: boolean, rule: ModeRule, allowSetuid = false): number | undefined {
  const kept = allowSetuid && !isFolder ? mode & SETUID_AND_SETGID : 0;
  if (rule === "normalize") {
    const isExecutable = isFolder || (mode & 0o111) !== 0;
    return (((mode & PERMISSION_BITS) | (isExecutable ? 0o555 : 0o444)) & ~0o022) | kept;
  }
  // setgid of a folder came from the folder above it on the builder's side, and comes so on the host too.
  const special = isFolder ? STICKY : SPECIAL_ON_FILES & ~kept;
  return (mode & special) === 0 ? (mode & PERMISSION_BITS) | kept : undefined;
}

/** Why this name can not be part of a release. */
export function nameProblem(name: string): string | undefined {
  return name.endsWith("\n") ? "its name ends with a newline" : undefined;
}

/** Whether this relative target, taken by its words, stays below the build. What other links make of it is not seen here. */
export function staysInside(linkPath: string, target: string): boolean {
  if (target.startsWith("/")) return false;
  let depth = linkPath.split("/").length - 1;
  for (const part of target.split("/")) {
    if (part === "..") depth -= 1;
    else if (part !== "" && part !== ".") depth += 1;
    if (depth < 0) return false;
  }
  return true;
}

/** The path of a tar member as it is in the build: no `./`, no `/` at the end; undefined where it is not below it. */
export function memberPath(path: string): string | undefined {
  if (path.startsWith("/") || path.includes("\0")) return undefined;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : posix.join(...parts);
}

/** Of two names that differ only in Unicode normalisation, the second: on some file systems they are one. */
export function normalisationTwin(paths: Iterable<string>): string | undefined {
  const seen = new Set<string>();
  for (const path of paths) {
    if (!/[^\x00-\x7f]/.test(path)) continue;
    const name = path.normalize("NFC");
    if (seen.has(name)) return path;
    seen.add(name);
  }
  return undefined;
}
