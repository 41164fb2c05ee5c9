/** What programs have logged. */
import * as z from "zod/mini";
import { nonNegative, strings } from "./scalars.ts";

/** How far a log has been read. */
export const LogPlace = z.object({
  /** Supervisor's name. */
  process: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  path: z.string(),
  /** 0: it is read through supervisord, since this user may not open it. */
  inode: nonNegative,
  /** Bytes. */
  offset: nonNegative,
});
export type LogPlace = z.infer<typeof LogPlace>;

export const LogsResult = z.object({
  chunks: z.array(z.object({ process: z.string(), stream: z.enum(["stdout", "stderr"]), lines: strings })),
  /** To ask with for what comes next. */
  after: z.array(LogPlace),
  /** There is more already. */
  isMore: z.boolean(),
  /** Of processes whose log can not be had, with the reason. */
  silent: z.array(z.object({ process: z.string(), why: z.string() })),
});
export type LogsResult = z.infer<typeof LogsResult>;
