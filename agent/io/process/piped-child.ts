/** Begins a command of somebody else's: argv, no shell, no stdin, a process group of its own. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";

export type PipedChild = ChildProcessByStdio<null, Readable, Readable>;

export interface PipedOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The child, or in words why there is none. Node tells a few errors (ENOENT, EACCES, EAGAIN) by the child's event `error`, as
 * it does from the child that this returns; all others (ENOTDIR, ENOMEM, ETXTBSY) it throws, and a child for which no
 * descriptor was left (EMFILE, ENFILE) has no pipes (lib/internal/child_process.js, ChildProcess.prototype.spawn).
 */
export function startPiped([file = "", ...args]: readonly string[], { cwd, env }: PipedOptions): PipedChild | string {
  try {
    const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    // The types promise that it is there.
    if (child.stdout !== undefined) return child;
    child.on("error", () => {});
    return `spawn ${file}: too many open files`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
