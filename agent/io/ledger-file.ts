/**
 * The ledger's file: appended by one write(2) and synced before the caller goes on.
 *
 * - A line is either whole or does not count.
 * - A full disk can not silence a verdict: `reserve` is given up for it.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Layout } from "../core/layout.ts";
import { PRIVATE_FILE_MODE } from "../core/layout.ts";
import { type LedgerEntry, type ParsedLedger, parseLedger } from "../core/ledger.ts";
import { discardFile, errnoOf, fileError, fsyncPath, ifThere, replaceFile } from "./files.ts";
import { moment } from "./moment.ts";

const NEWLINE = 0x0a;
/** More than the longest activation has to say. */
const END_BYTES = 64 * 1024;
/** Room for a good many verdicts. */
const RESERVE_BYTES = 64 * 1024;

export function readLedger(layout: Layout): ParsedLedger {
  return parseLedger(ifThere("read", layout.ledger, () => readFileSync(layout.ledger, "utf8")) ?? "");
}

/** The entries at its end, without reading all that has ever happened. */
export function readLedgerEnd(layout: Layout): readonly LedgerEntry[] {
  const text = ifThere("read", layout.ledger, () => {
    const fd = openSync(layout.ledger, "r");
    try {
      const { size } = fstatSync(fd);
      const end = Buffer.alloc(Math.min(size, END_BYTES));
      return end.toString("utf8", 0, readSync(fd, end, 0, end.length, size - end.length));
    } finally {
      closeSync(fd);
    }
  });
  return parseLedger(text ?? "").entries;
}

/** What an operator should know of a ledger that was damaged, in words. */
export function ledgerWarnings(layout: Layout, { damagedLines }: ParsedLedger): string[] {
  if (damagedLines.length === 0) return [];
  return [`${layout.ledger}: line ${damagedLines.join(", ")} can not be read; what it said does not count`];
}

/** Sets room aside for the verdict of what is about to begin. Fails with `no-space` while it is still harmless. */
export function reserveLedgerSpace(layout: Layout): void {
  if (existsSync(layout.reserve)) return;
  // Zeros are nothing to a file system that compresses (ZFS does by default).
  replaceFile(layout.reserve, randomBytes(RESERVE_BYTES), PRIVATE_FILE_MODE);
  moment("ledger: space reserved");
}

/** Room for something that must not fail for want of it: a verdict, or the way back. */
export function giveUpReserve(layout: Layout): void {
  discardFile(layout.reserve);
}

export function appendLedger(layout: Layout, entry: LedgerEntry): void {
  try {
    append(layout.ledger, entry);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== "ENOSPC" && code !== "EDQUOT") throw fileError(error, "append to", layout.ledger);
    giveUpReserve(layout);
    try {
      append(layout.ledger, entry);
    } catch (again) {
      throw fileError(again, "append to", layout.ledger);
    }
  }
}

/** A line that did not fit is taken back: half of it would be a damaged line for ever. */
function writeLine(fd: number, line: Buffer, size: number): void {
  try {
    const written = writeSync(fd, line);
    if (written !== line.length) throw Object.assign(new Error("short write"), { code: "ENOSPC" });
  } catch (error) {
    ftruncateSync(fd, size);
    throw error;
  }
}

function append(path: string, entry: LedgerEntry): void {
  const fd = openSync(path, "a+", PRIVATE_FILE_MODE);
  moment(`ledger: opened for ${entry.event}`);
  try {
    const { size } = fstatSync(fd);
    // A torn last line (its writer died, or the disk was full) is ended first, so that it takes no good line with it.
    const last = Buffer.alloc(1);
    const separator = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE ? "\n" : "";
    const line = Buffer.from(`${separator}${JSON.stringify(entry)}\n`);
    writeLine(fd, line, size);
    moment(`ledger: ${entry.event} written`);
    fsyncSync(fd);
    moment(`ledger: ${entry.event} synced`);
    // Its name has to be durable once, too.
    if (size === 0) fsyncPath(dirname(path));
  } finally {
    closeSync(fd);
  }
}
