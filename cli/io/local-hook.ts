/** Runs a hook on the operator's machine, beside deploy.yml. Its output goes to stderr as it comes: stdout is for the result. */
import { type ChildProcess, spawn } from "node:child_process";

export interface LocalHook {
  readonly argv: readonly string[];
  readonly folder: string;
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
  /** Asked now and then: whoever interrupts zdr interrupts its hooks. */
  readonly isInterrupted: () => boolean;
}

const POLL_MS = 200;

/** undefined: it ended with 0. Otherwise how it ended, or why it did not begin. */
export function runLocalHook(hook: LocalHook): Promise<string | undefined> {
  const { timeoutMs, isInterrupted } = hook;
  return new Promise((resolve) => {
    const child = start(hook);
    if (typeof child === "string") return resolve(child);
    let ended: string | undefined;
    const end = (why: string) => {
      ended = why;
      if (child.pid !== undefined) endGroup(child.pid);
    };
    const timer = setTimeout(() => end(`it did not end within ${timeoutMs / 1000} s`), timeoutMs);
    const poll = setInterval(() => isInterrupted() && end("it was interrupted"), POLL_MS);
    const finish = (trouble: string | undefined) => {
      clearTimeout(timer);
      clearInterval(poll);
      resolve(ended ?? trouble);
    };
    child.on("error", (error) => finish(error.message));
    child.on("close", (code, signal) => {
      if (signal !== null) finish(`ended by ${signal}`);
      else finish(code === 0 ? undefined : `exit ${code}`);
    });
  });
}

/** Or why there is none: Node tells some errors (ENOENT, EACCES) by the child's event `error`, and throws all others. */
function start({ argv: [file = "", ...args], folder, env }: LocalHook): ChildProcess | string {
  const stdio = ["ignore", 2, 2] as ["ignore", 2, 2];
  try {
    return spawn(file, args, { cwd: folder, env: { ...process.env, ...env }, stdio, detached: true });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** It and whatever it has started. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
