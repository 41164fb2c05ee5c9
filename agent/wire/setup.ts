/** What `setup` answers. */
import * as z from "zod/mini";
import { LintFinding } from "./program.ts";
import { strings } from "./scalars.ts";

export const SetupResult = z.object({
  /** Sentences of what was made, changed or found in order. */
  done: strings,
  /** What this user has no right to do: for an administrator, ready to paste. */
  administrator: z.array(
    z.object({
      why: z.string(),
      commands: strings,
      file: z.optional(z.object({ path: z.string(), content: z.string() })),
    }),
  ),
  findings: z.array(z.object({ program: z.string(), finding: LintFinding })),
});
export type SetupResult = z.infer<typeof SetupResult>;
