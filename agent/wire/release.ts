/** Releases: what they are made of, and what became of them. */
import * as z from "zod/mini";
import { Actor } from "./plan.ts";
import { isCount, nonNegative, strings } from "./scalars.ts";

/** One entry of a build. `path` is relative, with `/`; bytes that are no UTF-8 are refused when the build is read. */
export type ManifestEntry =
  | { type: "file"; path: string; mode: number; size: number; sha256: string }
  | { type: "dir"; path: string; mode: number }
  | { type: "link"; path: string; target: string };

function isManifestEntry(value: unknown): value is ManifestEntry {
  const { type, path, mode, size, sha256, target } = Object(value) as Readonly<Record<string, unknown>>;
  if (typeof path !== "string") return false;
  if (type === "link") return typeof target === "string";
  if (!isCount(mode)) return false;
  return type === "dir" || (type === "file" && isCount(size) && typeof sha256 === "string");
}

/** Looked at by hand: a build has thousands of them, and zod takes 6 µs of processor time for each. */
export const ManifestEntries = z.custom<ManifestEntry[]>(
  (value) => Array.isArray(value) && value.every(isManifestEntry),
);

export const Revision = z.object({ commit: z.string(), dirty: z.boolean() });
export type Revision = z.infer<typeof Revision>;

/** Every file of a release. `digest` is the sha256 over the canonical entries (agent/core/manifest.ts). */
export const Manifest = z.object({
  tag: z.string(),
  digest: z.string(),
  entries: ManifestEntries,
  revision: z.optional(Revision),
});
export type Manifest = z.infer<typeof Manifest>;

/** What became of a release, by the ledger alone. */
export const Verdict = z.enum(["staged", "activating", "good", "bad", "withdrawn", "removed", "unknown"]);
export type Verdict = z.infer<typeof Verdict>;

export const ReleaseInfo = z.object({
  tag: z.string(),
  digest: z.optional(z.string()),
  verdict: Verdict,
  /** ISO 8601, of the last thing the ledger says of it. */
  at: z.optional(z.string()),
  by: z.optional(Actor),
  revision: z.optional(Revision),
  isCurrent: z.boolean(),
  /** Whether `releases/<tag>` is there. */
  isPresent: z.boolean(),
  /** Which of the releases that were ever proved was proved last: the higher the later. Absent: never proved. */
  provedRank: z.optional(nonNegative),
  /** Supervisor's names of the programs that really run this release, by the device and inode of their exe or cwd. */
  runs: strings,
});
export type ReleaseInfo = z.infer<typeof ReleaseInfo>;

/** A release that is not removed, since a process needs it. */
export const HeldRelease = z.object({
  tag: z.string(),
  pid: nonNegative,
  command: z.string(),
  as: z.enum(["executes", "works in", "maps", "may run"]),
});
export type HeldRelease = z.infer<typeof HeldRelease>;

/**
 * The text whose sha256 is a build's digest: one JSON array a line, in code-unit order of the paths. Two builds with the
 * same digest have the same files, modes, links and folders.
 */
export function canonicalManifest(entries: readonly ManifestEntry[]): string {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  let text = "";
  for (const entry of sorted) {
    const fields =
      entry.type === "file"
        ? ["f", entry.path, entry.mode, entry.size, entry.sha256]
        : entry.type === "dir"
          ? ["d", entry.path, entry.mode]
          : ["l", entry.path, entry.target];
    text += `${JSON.stringify(fields)}\n`;
  }
  return text;
}

/** Tags name folders, so they are held to what every file system, shell listing and log line can show. */
export const TAG_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;
export const Tag = z.string().check(z.regex(TAG_PATTERN));

/**
 * What a deploy is about to put there. Where it serves already, `survey` does all of the deploy (with `lock` only). Without
 * a digest, the build is still being hashed, and a `digest` line follows.
 */
export const ReleaseName = z.object({ tag: z.string(), digest: z.optional(z.string()) });
