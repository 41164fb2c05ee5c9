/** Runs a hook on the operator's machine, beside deploy.yml. Its output goes to stderr as it comes: stdout is for the result. */
import { type ChildProcess, spawn } from "node:child_process";
import { endGroup } from "./child-group.ts";

export interface LocalHook {
  readonly argv: readonly string[];
  readonly folder: string;
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
  /** Asked now and then. What is interrupted, or late, is sent TERM, and KILL some seconds later. */
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
    let ending: Promise<void> | undefined;
    const end = (why: string) => {
      ended ??= why;
      ending ??= endGroup(child.pid);
    };
    const timer = setTimeout(() => end(`it did not end within ${timeoutMs / 1000} s`), timeoutMs);
    const poll = setInterval(() => isInterrupted() && end("it was interrupted"), POLL_MS);
    const finish = async (trouble: string | undefined) => {
      clearTimeout(timer);
      clearInterval(poll);
      await ending;
      resolve(ended ?? trouble);
    };
    child.on("error", (error) => void finish(error.message));
    child.on("close", (code, signal) => {
      void finish(signal !== null ? `ended by ${signal}` : code === 0 ? undefined : `exit ${code}`);
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
