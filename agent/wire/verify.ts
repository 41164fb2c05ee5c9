/** What a release looks like beside its manifest. */
import * as z from "zod/mini";
import { Verdict } from "./release.ts";
import { nonNegative } from "./scalars.ts";

export const Difference = z.object({
  /** Relative to the release; `.` is the release itself. */
  path: z.string(),
  /**
   * `content`: not the bytes that were published. `unreadable`: nobody can tell. `cached`: a folder in which Python keeps what it
   * compiled; it is told, and counts as no difference.
   */
  how: z.enum(["content", "size", "mode", "target", "type", "added", "removed", "unreadable", "cached"]),
  /** In the manifest: a size in bytes, an octal mode, a link's target, a type. */
  was: z.optional(z.string()),
  is: z.optional(z.string()),
});
export type Difference = z.infer<typeof Difference>;

export const VerifiedRelease = z.object({
  tag: z.string(),
  isCurrent: z.boolean(),
  verdict: Verdict,
  /** False: there is no manifest, so there is nothing to compare it with. */
  hasManifest: z.boolean(),
  /** That were compared. */
  files: nonNegative,
  bytes: nonNegative,
  differences: z.array(Difference),
  /** How many differences are not listed. */
  more: nonNegative,
});
export type VerifiedRelease = z.infer<typeof VerifiedRelease>;

export const VerifyResult = z.object({ releases: z.array(VerifiedRelease) });
export type VerifyResult = z.infer<typeof VerifyResult>;
