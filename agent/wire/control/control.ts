/** What `start`, `stop`, `restart` and `reload` did. */
import * as z from "zod/mini";
import { AgentFailure } from "../failure.ts";
import { ProcessInfo } from "../program.ts";

export const ControlResult = z.object({
  programs: z.array(
    z.object({
      name: z.string(),
      process: z.string(),
      /** What was done, in a word: `started`, `already started`, … */
      done: z.string(),
      info: ProcessInfo,
      gapMs: z.optional(z.number()),
    }),
  ),
  /** Of the program after the last one listed: it was told something, and did not get there. No further one was told. */
  failure: z.optional(AgentFailure),
});
export type ControlResult = z.infer<typeof ControlResult>;
