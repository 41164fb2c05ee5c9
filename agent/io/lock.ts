/**
 * Who holds this host.
 *
 * - `lock.<n+1>` is made by link(2), which fails if it is there: of any number of waiters one wins.
 * - It is made only when `lock.<n>` was released by its holder, or its holder is dead.
 * - Nothing is unlinked to steal a lock; the winner removes only numbers below its own.
 * - Whoever linked a number and then finds a higher one has lost (it had looked at a list that was out of date).
 * - A holder that can not be read, or lives where its pid can not be looked up, counts as alive.
 */
import { linkSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { AgentError } from "../core/failure.ts";
import { type Layout, PRIVATE_FILE_MODE } from "../core/layout.ts";
import { judgeHolder, type LockHolder, type LockWitness, lockNumber, parseLock } from "../core/lock-text.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { Actor } from "../wire/plan.ts";
import { discardFile, errnoOf, fileError, ifThere, onFile, temporaryBeside, writeNewDurable } from "./files.ts";
import { moment } from "./moment.ts";
import { bootId, isHidden, pidNamespace, readProcess } from "./process/processes.ts";

export interface Lock {
  /** Gives the lock up. Never throws: an unreleased lock of a dead process is free all the same. */
  release(): void;
}

/** Who has the lock, as far as that can be known. */
export type Held = Extract<AgentFailure, { reason: "locked" }>;

/** Who wants the lock, and what for. */
export interface Claim {
  readonly by: Actor;
  readonly why: string;
}

/** How long to wait for a lock that somebody else holds, and who is told about it. */
export interface Patience {
  readonly waitMs: number;
  /** Milliseconds, on a clock that never goes back. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Ends the wait with `interrupted`. */
  readonly gone: AbortSignal;
  /** Told when the wait begins, when somebody else has got the lock, and every REMINDER_MS. `leftMs`: of the wait. */
  tell(held: Held, leftMs: number): void;
}

/** Between two looks at the lock; up to half of it is added at random, so that those who wait do not come together. */
export const LOCK_POLL_INTERVAL_MS = 400;
/** So that whoever watches, a CI system too, sees that something goes on. */
export const REMINDER_MS = 60_000;

const witness = (): LockWitness => ({
  bootId: bootId(),
  pidNamespace: pidNamespace(),
  startTicksOf: (pid) => {
    const found = readProcess(pid);
    if (found === undefined) return isHidden(pid) ? "hidden" : undefined;
    return found.isZombie ? undefined : found.startTicks;
  },
});

/** Takes the host's lock, waiting for it if need be; fails with `locked`, which says who has it since when and why. */
export async function takeLock(
  layout: Layout,
  claim: Claim,
  date: () => Date,
  { waitMs, now, sleep, gone, tell }: Patience,
): Promise<Lock> {
  const startedAt = now();
  let told: { readonly who: string; readonly at: number } | undefined;
  for (;;) {
    if (gone.aborted) throw new AgentError({ reason: "interrupted" });
    const taken = tryLock(layout, claim, date);
    if (!("reason" in taken)) return taken;
    const [waitedMs, who] = [now() - startedAt, `${taken.pid} ${taken.since}`];
    if (waitedMs >= waitMs) throw new AgentError(waitMs === 0 ? taken : { ...taken, waitedMs: Math.round(waitedMs) });
    if (told === undefined || told.who !== who || now() - told.at >= REMINDER_MS) {
      told = { who, at: now() };
      tell(taken, waitMs - waitedMs);
    }
    await sleep(Math.min(LOCK_POLL_INTERVAL_MS * (1 + Math.random() / 2), waitMs - waitedMs));
  }
}

/** The lock, or who has it. */
export function tryLock(layout: Layout, { by, why }: Claim, date: () => Date): Lock | Held {
  const own = witness();
  // Those who wait look often; what is written is written by those who may win.
  const held = holderNow(layout, own);
  if (held !== undefined) return held;
  const holder: LockHolder = {
    pid: process.pid,
    startTicks: readProcess(process.pid)?.startTicks ?? 0,
    bootId: own.bootId,
    pidNamespace: own.pidNamespace,
    since: date().toISOString(),
    by,
    why,
    released: false,
  };
  const temporary = temporaryBeside(layout.lock(0));
  try {
    // Nobody knows that file by its name.
    onFile("write into", layout.zdr, () => writeHolder(temporary, holder));
    moment("lock: written");
    const number = linkNext(layout, temporary, own);
    if (typeof number !== "number") return number;
    removeBelow(layout, number);
    moment("lock: older ones removed");
    return { release: () => release(layout.lock(number), holder) };
  } finally {
    discardFile(temporary);
  }
}

/** Who holds the lock; undefined: nobody, or nobody who lives. */
export function lockHolder(layout: Layout): Held | undefined {
  return holderNow(layout, witness());
}

function holderNow(layout: Layout, own: LockWitness): Held | undefined {
  const highest = highestLock(layout);
  return highest === undefined ? undefined : heldBy(layout, highest, own);
}

function linkNext(layout: Layout, temporary: string, own: LockWitness): number | Held {
  for (;;) {
    const highest = highestLock(layout);
    const held = highest === undefined ? undefined : heldBy(layout, highest, own);
    if (held !== undefined) return held;
    const number = (highest ?? 0) + 1;
    try {
      linkSync(temporary, layout.lock(number));
    } catch (error) {
      if (errnoOf(error) === "EEXIST") continue;
      throw fileError(error, "link", layout.lock(number));
    }
    moment("lock: linked");
    if (highestLock(layout) === number) return number;
    discardFile(layout.lock(number));
  }
}

/** undefined: the lock may be followed by the next one, or has been followed meanwhile. */
function heldBy(layout: Layout, number: number, own: LockWitness): Held | undefined {
  const path = layout.lock(number);
  const holder = readLock(layout, number);
  if (holder === undefined) {
    if (highestLock(layout) !== number) return undefined;
    const nobody = { by: { user: "unknown", host: "unknown" }, why: "unknown", since: "", pid: 0 };
    return { reason: "locked", ...nobody, path, doubt: "unreadable" };
  }
  const judgement = judgeHolder(holder, own);
  if (judgement === "free") return undefined;
  const { by, why, since, pid } = holder;
  return { reason: "locked", by, why, since, pid, path, ...(judgement === "alive" ? {} : { doubt: judgement }) };
}

function highestLock(layout: Layout): number | undefined {
  let highest: number | undefined;
  for (const name of onFile("list", layout.zdr, () => readdirSync(layout.zdr))) {
    const number = lockNumber(name);
    if (number !== undefined && (highest === undefined || number > highest)) highest = number;
  }
  return highest;
}

function readLock(layout: Layout, number: number): LockHolder | undefined {
  const text = ifThere("read", layout.lock(number), () => readFileSync(layout.lock(number), "utf8"));
  return text === undefined ? undefined : parseLock(text);
}

function removeBelow(layout: Layout, number: number): void {
  for (const name of readdirSync(layout.zdr)) {
    const other = lockNumber(name);
    if (other !== undefined && other < number) discardFile(layout.lock(other));
  }
}

/** On the disk before it gets its name: a lock that a power cut has emptied would look held for ever. */
function writeHolder(path: string, holder: LockHolder): void {
  writeNewDurable(path, JSON.stringify(holder), PRIVATE_FILE_MODE);
}

function release(path: string, holder: LockHolder): void {
  const temporary = temporaryBeside(path);
  try {
    writeHolder(temporary, { ...holder, released: true });
    moment("unlock: written");
    renameSync(temporary, path);
    moment("unlock: renamed");
  } catch {
    discardFile(temporary);
  }
}
