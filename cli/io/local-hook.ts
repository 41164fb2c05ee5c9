/** Runs a hook on the operator's machine, beside deploy.yml. Its output goes to stderr as it comes: stdout is for the result. */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

export interface LocalHook {
  readonly argv: readonly string[];
  readonly folder: string;
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
  /** Asked now and then. What is interrupted, or late, is sent TERM, and KILL some seconds later. */
  readonly isInterrupted: () => boolean;
}

const POLL_MS = 200;
/** From TERM to KILL: for putting down what it has in its hands. SIGTERM leaves zdr itself five seconds. */
const GRACE_MS = 3_000;

/** undefined: it ended with 0. Otherwise how it ended, or why it did not begin. */
export function runLocalHook(hook: LocalHook): Promise<string | undefined> {
  const { timeoutMs, isInterrupted } = hook;
  return new Promise((resolve) => {
    const child = start(hook);
    if (typeof child === "string") return resolve(child);
    let ended: string | undefined;
    let kill: NodeJS.Timeout | undefined;
    const end = (why: string) => {
      if (ended !== undefined) return;
      ended = why;
      signalGroup(child.pid, "SIGTERM");
      kill = setTimeout(() => {
        kill = undefined;
        signalGroup(child.pid, "SIGKILL");
      }, GRACE_MS);
    };
    const timer = setTimeout(() => end(`it did not end within ${timeoutMs / 1000} s`), timeoutMs);
    const poll = setInterval(() => isInterrupted() && end("it was interrupted"), POLL_MS);
    const finish = async (trouble: string | undefined) => {
      clearTimeout(timer);
      clearInterval(poll);
      // A shell ends at once, and what it had started may still be at it.
      while (kill !== undefined && signalGroup(child.pid, 0)) await sleep(POLL_MS);
      clearTimeout(kill);
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

/** It and whatever it has started; 0 only asks. False: nobody of them is there. */
function signalGroup(pid: number | undefined, signal: "SIGTERM" | "SIGKILL" | 0): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
