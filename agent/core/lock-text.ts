/** What a lock file says, and whether its holder still lives. Pure; the files are agent/io/lock.ts's business. */
import * as z from "zod/mini";
import { Actor } from "../wire/plan.ts";

export const LockHolder = z.object({
  pid: z.number(),
  /** Field 22 of /proc/<pid>/stat: with the pid and the boot it names one process for ever (proc(5)). */
  startTicks: z.number(),
  bootId: z.string(),
  /** Inode of /proc/self/ns/pid: a pid means nothing in another pid namespace. */
  pidNamespace: z.number(),
  since: z.string(),
  by: Actor,
  why: z.string(),
  /** Set by the holder itself when it is done. */
  released: z.boolean(),
});
export type LockHolder = z.infer<typeof LockHolder>;

export interface LockWitness {
  readonly bootId: string;
  readonly pidNamespace: number;
  /**
   * Start time of a process that lives now in this namespace; undefined: there is none of that pid; `hidden`: there is
   * one, and /proc does not show it (mount option hidepid).
   */
  startTicksOf(pid: number): number | "hidden" | undefined;
}

/** A text that can not be read counts as held: nothing is taken from somebody who may be alive. */
export function parseLock(text: string): LockHolder | undefined {
  try {
    const parsed = LockHolder.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** `alive` is what can be seen; in doubt (`elsewhere`: another pid namespace) a holder counts as alive as well. */
export type Judgement = "free" | "alive" | "elsewhere";

/** Whether the lock may be followed by the next one. */
export function judgeHolder(holder: LockHolder, witness: LockWitness): Judgement {
  if (holder.released || holder.bootId !== witness.bootId) return "free";
  if (holder.pidNamespace !== witness.pidNamespace) return "elsewhere";
  const start = witness.startTicksOf(holder.pid);
  return start === "hidden" || start === holder.startTicks ? "alive" : "free";
}

/** The number in `lock.<n>`, or undefined for any other name. */
export function lockNumber(name: string): number | undefined {
  const match = /^lock\.(0|[1-9][0-9]{0,14})$/.exec(name);
  return match ? Number(match[1]) : undefined;
}
