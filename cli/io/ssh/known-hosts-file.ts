/** Appends to a known_hosts file, as ssh does it: one write behind what is there, never over it. */
import { closeSync, constants, fstatSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { writing } from "../replace-file.ts";

/**
 * Lines without their ends. The file is made where it is missing, for its owner alone to write; else its mode stays.
 *
 * @throws ZdrError `usage` for a file that can not be written.
 */
export function appendKnownHosts(path: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  writing(path, "name another file, or only look: zdr trust", () => append(path, lines));
}

function append(path: string, lines: readonly string[]): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o644);
  try {
    const text = `${lines.join("\n")}\n`;
    writeSync(file, endsInNewline(file) ? text : `\n${text}`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function endsInNewline(file: number): boolean {
  const { size } = fstatSync(file);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  return last[0] === 0x0a;
}
