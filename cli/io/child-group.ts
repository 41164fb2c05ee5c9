/** A command of the project on the operator's machine, and whatever it has started: a process group of its own. */
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 100;
/** From TERM to KILL: for putting down what it has in its hands. SIGTERM leaves zdr itself five seconds. */
const GRACE_MS = 3_000;
/** One that waits for a disk that does not answer can not be killed, and is not waited for. */
const AFTER_KILL_MS = 1_000;

/** TERM, and KILL some seconds later. Settles when nobody of them is there any more; a shell ends at once, and what it had started may still be at it. */
export async function endGroup(pid: number | undefined): Promise<void> {
  signalGroup(pid, "SIGTERM");
  const killAt = performance.now() + GRACE_MS;
  while (performance.now() < killAt && signalGroup(pid, 0)) await sleep(POLL_MS);
  signalGroup(pid, "SIGKILL");
  while (performance.now() < killAt + AFTER_KILL_MS && signalGroup(pid, 0)) await sleep(POLL_MS);
}

/** 0 only asks. False: nobody of them is there. */
function signalGroup(pid: number | undefined, signal: "SIGTERM" | "SIGKILL" | 0): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
