/** An operator's `zdr lock`: no process stands behind it, so it ends by `zdr unlock` or when its time is over. */
import * as z from "zod/mini";
import { Actor } from "./plan.ts";

export const Freeze = z.object({
  by: Actor,
  why: z.string(),
  /** ISO 8601. */
  since: z.string(),
  /** ISO 8601; absent: until somebody ends it. */
  until: z.optional(z.string()),
});
export type Freeze = z.infer<typeof Freeze>;

export const FreezeResult = z.object({
  /** A command that was at work when the freeze began, and goes on to its end. */
  atWork: z.optional(z.object({ by: Actor, why: z.string(), since: z.string(), pid: z.number() })),
});
export type FreezeResult = z.infer<typeof FreezeResult>;

export const UnfreezeResult = z.object({
  /** What has been ended; absent: nothing was frozen. */
  ended: z.optional(Freeze),
});
export type UnfreezeResult = z.infer<typeof UnfreezeResult>;
