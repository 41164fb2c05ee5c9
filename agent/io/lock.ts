/**
 * Who holds this host.
 *
 * - `lock.<n+1>` is made by link(2), which fails if it is there: of any number of waiters one wins.
 * - It is made only when `lock.<n>` was released by its holder, or its holder is dead.
 * - Nothing is unlinked to steal a lock; the winner removes only numbers below its own.
 * - Whoever linked a number and then finds a higher one has lost (it had looked at a list that was out of date).
 */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { AgentError } from "../core/failure.ts";
import { type Layout, PRIVATE_FILE_MODE } from "../core/layout.ts";
import { isFree, type LockHolder, type LockWitness, lockNumber, parseLock } from "../core/lock-text.ts";
import type { Actor } from "../wire/plan.ts";
import { errnoOf, ifThere, onFile, temporaryBeside } from "./files.ts";
import { bootId, pidNamespace, readProcess } from "./process/processes.ts";

export interface Lock {
  /** Gives the lock up. Never throws: an unreleased lock of a dead process is free all the same. */
  release(): void;
}

const witness = (): LockWitness => ({
  bootId: bootId(),
  pidNamespace: pidNamespace(),
  startTicksOf: (pid) => {
    const found = readProcess(pid);
    return found === undefined || found.isZombie ? undefined : found.startTicks;
  },
});

/** Takes the host's lock, or fails with `locked`, which says who has it since when and why. */
export function takeLock(layout: Layout, by: Actor, why: string, now: () => Date): Lock {
  const own = witness();
  const holder: LockHolder = {
    pid: process.pid,
    startTicks: own.startTicksOf(process.pid) ?? 0,
    bootId: own.bootId,
    pidNamespace: own.pidNamespace,
    since: now().toISOString(),
    by,
    why,
    released: false,
  };
  const temporary = temporaryBeside(layout.lock(0));
  onFile("write", temporary, () => writeHolder(temporary, holder));
  try {
    const number = linkNext(layout, temporary, own);
    removeBelow(layout, number);
    return { release: () => release(layout.lock(number), holder) };
  } finally {
    rmSync(temporary, { force: true });
  }
}

function linkNext(layout: Layout, temporary: string, own: LockWitness): number {
  for (;;) {
    const highest = highestLock(layout);
    if (highest !== undefined) refuseIfHeld(layout, highest, own);
    const number = (highest ?? 0) + 1;
    try {
      linkSync(temporary, layout.lock(number));
    } catch (error) {
      if (errnoOf(error) === "EEXIST") continue;
      throw error;
    }
    if (highestLock(layout) === number) return number;
    rmSync(layout.lock(number), { force: true });
  }
}

function refuseIfHeld(layout: Layout, number: number, own: LockWitness): void {
  const holder = readLock(layout, number);
  if (holder === undefined && highestLock(layout) !== number) return;
  if (holder !== undefined && isFree(holder, own)) return;
  throw new AgentError({
    reason: "locked",
    by: holder?.by ?? { user: "unknown", host: "unknown" },
    why: holder?.why ?? `${layout.lock(number)} can not be read`,
    since: holder?.since ?? "",
    pid: holder?.pid ?? 0,
  });
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
    if (other !== undefined && other < number) rmSync(layout.lock(other), { force: true });
  }
}

/** On the disk before it gets its name: a lock that a power cut has emptied would look held for ever. */
function writeHolder(path: string, holder: LockHolder): void {
  const fd = openSync(path, "wx", PRIVATE_FILE_MODE);
  try {
    writeFileSync(fd, JSON.stringify(holder));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function release(path: string, holder: LockHolder): void {
  const temporary = temporaryBeside(path);
  try {
    writeHolder(temporary, { ...holder, released: true });
    renameSync(temporary, path);
  } catch {
    rmSync(temporary, { force: true });
  }
}
