/** What `stage` and `upload` answer. */
import * as z from "zod/mini";
import { HeldRelease } from "./release.ts";
import { counts, nonNegative, strings } from "./scalars.ts";

/** How the bytes of a frame may be compressed: zstd (RFC 8878), brotli (RFC 7932). */
export const Encoding = z.enum(["zstd", "br"]);
export type Encoding = z.infer<typeof Encoding>;

/** `bytes` raw bytes follow this line; 0 ends the upload. With `as`, they stand for `of` bytes, and for nothing before or behind them. */
export const DataFrame = z.object({
  verb: z.literal("data"),
  bytes: nonNegative,
  as: z.optional(Encoding),
  of: z.optional(nonNegative),
});
export type DataFrame = z.infer<typeof DataFrame>;

const Foreseen = z.object({
  /** Free on the disk before the prune; absent: this host's Node can not tell. */
  freeBytes: z.optional(z.number()),
  /** Releases that would go, and what that gives back. */
  pruned: strings,
  prunedBytes: nonNegative,
  held: z.array(HeldRelease),
});

export const StageResult = z.object({
  /** True: `releases/<tag>` is there with this very content, and nothing has to be sent. */
  staged: z.boolean(),
  /** Indices into the manifest's entries of the files to send. */
  missing: counts,
  missingBytes: nonNegative,
  /** Bytes that are copied on the host from releases that it has. */
  copiedBytes: nonNegative,
  /** With `dryRun`: what would be true once the release was kept. */
  foreseen: z.optional(Foreseen),
  /** Of an upload whose link died: bytes that had arrived and need not be sent again. */
  resumedBytes: z.optional(nonNegative),
  /** What this host's Node can decompress, the best first. */
  accepts: z.optional(z.array(Encoding)),
});
export type StageResult = z.infer<typeof StageResult>;

export const UploadResult = z.object({
  published: z.string(),
  receivedBytes: nonNegative,
  /** What making the release durable cost. */
  durableMs: z.number(),
});
export type UploadResult = z.infer<typeof UploadResult>;
