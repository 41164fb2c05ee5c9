/**
 * When the processes are looked at.
 *
 * - One look at a time. One that began before the last request is thrown away: it may show who is gone by now.
 * - In intervals only while the machine says so; otherwise no timer runs.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Member } from "./machine/model.ts";

/** A successor that crashes as it starts lives for some 20 ms, and is to be seen. */
const FAST_FIRST_MS = 10;
const FAST_LONGEST_MS = 250;
const FAST_GROWTH = 1.3;
const SLOW_MS = 1_000;
const AFTER_FAILURE_MS = 200;
const QUIET_AFTER_MS = 1_000;
/** Where reloads follow each other it is never quiet, and what looks leave behind would pile up. */
const LOOKS_WITHOUT_REST = 20;

export type Pace = "off" | "slow" | "fast";

export interface LookerOptions {
  look(all: boolean): Promise<Member[]>;
  deliver(members: Member[], all: boolean): void;
  pace(): Pace;
  /** After each look: of what it has read nothing is needed any more. */
  onLooked(): void;
  /** Nothing was looked at for a while, and nothing is going to be; or there were many looks without such a while. */
  onRest(): void;
  say(line: string): void;
}

export interface Looker {
  request(all: boolean): void;
  /** Resolves after a look at everything that began after the call has been delivered. */
  fresh(): Promise<void>;
  /** To be called when the pace may have changed. */
  watch(): void;
}

export function createLooker({ look, deliver, pace, onLooked, onRest, say }: LookerOptions): Looker {
  let wanted: "nothing" | "some" | "all" = "nothing";
  let isLooking = false;
  let waiting: (() => void)[] = [];

  function request(all: boolean): void {
    isQuiet = false;
    wanted = all || wanted === "all" ? "all" : "some";
    if (!isLooking) void lookWhileWanted();
  }

  async function lookWhileWanted(): Promise<void> {
    isLooking = true;
    try {
      while (isWanted()) await lookOnce();
    } finally {
      isLooking = false;
      watch();
    }
  }

  const isWanted = () => wanted !== "nothing";

  async function lookOnce(): Promise<void> {
    const all = wanted === "all";
    const served = all ? waiting : [];
    if (all) waiting = [];
    wanted = "nothing";
    const members = await look(all).catch((error: unknown) => say(`a look at the processes failed: ${String(error)}`));
    onLooked();
    if (members === undefined) await sleep(AFTER_FAILURE_MS);
    if (members === undefined || isWanted()) {
      waiting = [...served, ...waiting];
      request(all);
      return;
    }
    deliver(members, all);
    for (const resolve of served) resolve();
    if (++looks >= LOOKS_WITHOUT_REST) rest();
  }

  let looks = 0;

  function rest(): void {
    looks = 0;
    onRest();
  }

  let current: Pace = "off";
  let pauseMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let isQuiet = true;

  function watch(): void {
    const next = pace();
    if (next !== current) {
      current = next;
      pauseMs = next === "slow" ? SLOW_MS : FAST_FIRST_MS;
      clearTimeout(timer);
      timer = undefined;
    }
    if (timer !== undefined || isLooking) return;
    if (current !== "off") timer = setTimeout(lookAgain, pauseMs);
    else if (!isQuiet) timer = setTimeout(beQuiet, QUIET_AFTER_MS);
  }

  function lookAgain(): void {
    timer = undefined;
    if (current === "fast") pauseMs = Math.min(pauseMs * FAST_GROWTH, FAST_LONGEST_MS);
    request(false);
  }

  function beQuiet(): void {
    timer = undefined;
    isQuiet = true;
    rest();
  }

  return {
    request,
    fresh: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        request(true);
      }),
    watch,
  };
}
