/** A command that an operator runs on a host. */
import * as z from "zod/mini";

export const ExecResult = z.object({ pid: z.number(), cwd: z.string() });
export type ExecResult = z.infer<typeof ExecResult>;

export const OutputResult = z.object({
  chunks: z.array(z.object({ stream: z.enum(["stdout", "stderr"]), text: z.string() })),
  /** It is over, and this was the rest. `problem`: it never began. */
  ended: z.optional(
    z.object({
      code: z.nullable(z.number()),
      signal: z.nullable(z.string()),
      problem: z.optional(z.string()),
    }),
  ),
});
export type OutputResult = z.infer<typeof OutputResult>;
