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
  /** Start time of a process that lives now in this namespace; undefined: there is none of that pid. */
  startTicksOf(pid: number): number | undefined;
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

/** Whether the lock is free to be followed by the next one. A holder in another pid namespace counts as alive. */
export function isFree(holder: LockHolder, witness: LockWitness): boolean {
  if (holder.released) return true;
  if (holder.bootId !== witness.bootId) return true;
  if (holder.pidNamespace !== witness.pidNamespace) return false;
  return witness.startTicksOf(holder.pid) !== holder.startTicks;
}

/** The number in `lock.<n>`, or undefined for any other name. */
export function lockNumber(name: string): number | undefined {
  const match = /^lock\.(0|[1-9][0-9]{0,14})$/.exec(name);
  return match ? Number(match[1]) : undefined;
}
