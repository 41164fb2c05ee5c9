import { setTimeout as sleep } from "node:timers/promises";

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

export interface Patience {
  /** What is waited for, for the message when it does not come. */
  readonly name: string;
  readonly timeoutMs?: number;
}

/**
 * Waits until `fact` gives something other than undefined or false, and returns it. A fact that throws counts as not
 * yet true; what it threw last rides along as the cause when the time is up.
 */
export async function eventually<T>(
  fact: () => T | Promise<T>,
  { name, timeoutMs = 60_000 }: Patience,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const value = await fact();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`${name}: not within ${timeoutMs} ms`, { cause });
    await sleep(pauseMs);
  }
}
