/** What an examination of a host found. */
import * as z from "zod/mini";
import { AgentFailure } from "./failure.ts";

/** `refuse`: a deploy would not get through; `warn`: it would be worse than it needs to be, or soon will be. */
export const CheckLevel = z.enum(["ok", "warn", "refuse"]);
export type CheckLevel = z.infer<typeof CheckLevel>;

export const Check = z.object({
  /** What was looked at: `node`, `disk`, `supervisor`, a program's name, … */
  about: z.string(),
  level: CheckLevel,
  text: z.string(),
  /** Of what is not `ok`: a command or a change that mends it. */
  fix: z.optional(z.string()),
  /** In the place of `text`: what kept it from being looked at. */
  failure: z.optional(AgentFailure),
});
export type Check = z.infer<typeof Check>;

export const DoctorResult = z.object({
  /** Milliseconds since the epoch, when the answer was made. */
  nowMs: z.number(),
  checks: z.array(Check),
});
export type DoctorResult = z.infer<typeof DoctorResult>;
