/** Runs a hook on the operator's machine, beside deploy.yml. Its output goes to stderr as it comes: stdout is for the result. */
import { spawn } from "node:child_process";

export interface LocalHook {
  readonly argv: readonly string[];
  readonly folder: string;
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
  /** Asked now and then: whoever interrupts zdr interrupts its hooks. */
  readonly isInterrupted: () => boolean;
}

const POLL_MS = 200;

/** undefined: it ended with 0. Otherwise how it ended. */
export function runLocalHook({ argv, folder, timeoutMs, env, isInterrupted }: LocalHook): Promise<string | undefined> {
  const [file = "", ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", 2, 2],
      detached: true,
    });
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

/** It and whatever it has started. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
