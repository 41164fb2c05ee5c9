/** A time limit for an answer from outside. */

/** A timer that is this late was held up by work of our own, or by a host that let us not run. */
const STALL_MS = 20;

/**
 * Calls `whenLate` after `ms`, but never for a delay of our own: what came in while this process was stalled is read
 * first, and the time of a stall at the end of the limit is given once more. Returns the way to call it off.
 */
export function fairTimeout(ms: number, whenLate: () => void): () => void {
  let isOver = false;
  const arm = (delay: number): NodeJS.Timeout => {
    const dueAt = performance.now() + delay;
    return setTimeout(() => {
      const stalledMs = performance.now() - dueAt;
      if (stalledMs > STALL_MS) timer = arm(stalledMs);
      // Node runs timers before it reads what has come in, and setImmediate after that.
      else setImmediate(() => isOver || whenLate());
    }, delay);
  };
  let timer = arm(ms);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
