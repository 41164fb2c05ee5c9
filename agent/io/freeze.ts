/**
 * `freeze.json`, `freeze.1.json`, …: an operator wants nothing to be deployed here. The highest number counts.
 *
 * - The next number is made by link(2), which fails if it is there: of any number of operators one gets it, the others are told.
 * - It is made only when the one before was ended, or its time is over. A freeze that holds is never removed, nor moved.
 * - One is ended by its mode, and only by who has it open: that never ends one that came after it, and no full disk is in the way.
 *   Removed is only what is below one's own.
 * - One that can not be read counts, and has no end: nobody knows what was meant.
 */
import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
} from "node:fs";
import { AgentError } from "../core/failure.ts";
import { freezeNumber, isOver, parseFreeze } from "../core/freeze-text.ts";
import { type Layout, PRIVATE_FILE_MODE } from "../core/layout.ts";
import type { Freeze } from "../wire/freeze.ts";
import {
  discardFile,
  errnoOf,
  fileError,
  fsyncPath,
  ifThere,
  onFile,
  temporaryBeside,
  writeNewDurable,
} from "./files.ts";

/** Set by `zdr unlock`: its owner may write to it no more. */
const ENDED_MODE = 0o400;
const OWNER_MAY_WRITE = 0o200;

interface Found {
  readonly freeze: Freeze;
  readonly isEnded: boolean;
}

/** What holds now; undefined: nothing, or nothing any more. */
export function readFreeze(layout: Layout, now: Date): Freeze | undefined {
  return holding(readLast(layout)?.found, now);
}

function holding(found: Found | undefined, now: Date): Freeze | undefined {
  return found === undefined || found.isEnded || isOver(found.freeze, now) ? undefined : found.freeze;
}

/** Durable when it returns. Fails with `frozen` where another one holds. */
export function writeFreeze(layout: Layout, freeze: Freeze, now: Date): void {
  const temporary = temporaryBeside(layout.freeze(0));
  try {
    onFile("write into", layout.zdr, () => writeNewDurable(temporary, JSON.stringify(freeze), PRIVATE_FILE_MODE));
    removeBelow(layout, linkNext(layout, temporary, now));
    onFile("sync", layout.zdr, () => fsyncPath(layout.zdr));
  } finally {
    discardFile(temporary);
  }
}

function linkNext(layout: Layout, temporary: string, now: Date): number {
  for (;;) {
    const last = readLast(layout);
    refuseHolding(last?.found, now);
    const number = last === undefined ? 0 : last.number + 1;
    if (!linkIfFree(temporary, layout.freeze(number))) continue;
    // By a list that was out of date: somebody has had that number, and been followed.
    if (highestFreeze(layout) === number) return number;
    discardFile(layout.freeze(number));
  }
}

/** Fails with `frozen` where a freeze holds. */
export function refuseFrozen(layout: Layout, now: Date): void {
  refuseHolding(readLast(layout)?.found, now);
}

function refuseHolding(found: Found | undefined, now: Date): void {
  const freeze = holding(found, now);
  if (freeze !== undefined) throw new AgentError({ reason: "frozen", ...freeze });
}

/**
 * Ends it, also one whose time is over: a clock that is set back would have it hold again. What it was; undefined: nothing
 * held. Durable when it returns.
 */
export function endFreeze(layout: Layout, now: Date): Freeze | undefined {
  return holding(readLast(layout, markEnded)?.found, now);
}

function markEnded(fd: number): void {
  fchmodSync(fd, ENDED_MODE);
  fsyncSync(fd);
}

/** The one that counts. `act`: what is done with that very file, whatever has its name by then. */
function readLast(layout: Layout, act?: (fd: number) => void): { number: number; found: Found } | undefined {
  for (;;) {
    const number = highestFreeze(layout);
    if (number === undefined) return undefined;
    const path = layout.freeze(number);
    const found = ifThere("read", path, () => readOpened(path, act));
    // Somebody's that was followed, and removed, between the two; else a link that leads nowhere.
    if (found === undefined && highestFreeze(layout) !== number) continue;
    return { number, found: found ?? { freeze: unreadable(path), isEnded: false } };
  }
}

function readOpened(path: string, act?: (fd: number) => void): Found {
  const fd = openSync(path, "r");
  try {
    const isEnded = (fstatSync(fd).mode & OWNER_MAY_WRITE) === 0;
    const freeze = parseFreeze(readFileSync(fd, "utf8")) ?? unreadable(path);
    if (!isEnded) act?.(fd);
    return { freeze, isEnded };
  } finally {
    closeSync(fd);
  }
}

function highestFreeze({ zdr }: Layout): number | undefined {
  const names = onFile("list", zdr, () => readdirSync(zdr));
  const numbers = names.flatMap((name) => freezeNumber(name) ?? []);
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

function unreadable(path: string): Freeze {
  const since = ifThere("look at", path, () => lstatSync(path))?.mtime.toISOString() ?? "";
  return { by: { user: "unknown", host: "unknown" }, why: `${path} can not be read`, since };
}

function linkIfFree(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw fileError(error, "link", to);
  }
}

function removeBelow(layout: Layout, number: number): void {
  for (const name of onFile("list", layout.zdr, () => readdirSync(layout.zdr))) {
    const other = freezeNumber(name);
    if (other !== undefined && other < number) discardFile(layout.freeze(other));
  }
}
