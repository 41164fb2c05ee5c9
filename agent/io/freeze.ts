/**
 * `freeze.json`: an operator wants nothing to be deployed here.
 *
 * - Of two operators who want it at once, one gets it and the other is told about it.
 * - One that can not be read counts, and has no end: nobody knows what was meant.
 */
import { linkSync, readFileSync, renameSync, statSync } from "node:fs";
import { AgentError } from "../core/failure.ts";
import { type Layout, PRIVATE_FILE_MODE } from "../core/layout.ts";
import { Freeze } from "../wire/freeze.ts";
import {
  discardFile,
  errnoOf,
  fileError,
  fsyncPath,
  ifThere,
  onFile,
  removeFile,
  temporaryBeside,
  writeNewDurable,
} from "./files.ts";

/** What holds now; undefined: nothing, or nothing any more. */
export function readFreeze(layout: Layout, now: Date): Freeze | undefined {
  const text = ifThere("read", layout.freeze, () => readFileSync(layout.freeze, "utf8"));
  if (text === undefined) return undefined;
  const freeze = parseFreeze(text) ?? unreadable(layout);
  const isOver = freeze.until !== undefined && Date.parse(freeze.until) <= now.getTime();
  return isOver ? undefined : freeze;
}

function parseFreeze(text: string): Freeze | undefined {
  try {
    const parsed = Freeze.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function unreadable({ freeze }: Layout): Freeze {
  const found = ifThere("look at", freeze, () => statSync(freeze));
  const since = found?.mtime.toISOString() ?? "";
  return { by: { user: "unknown", host: "unknown" }, why: `${freeze} can not be read`, since };
}

/** Durable when it returns. Fails with `frozen` where another one holds. */
export function writeFreeze(layout: Layout, freeze: Freeze, now: Date): void {
  const temporary = temporaryBeside(layout.freeze);
  try {
    onFile("write", layout.freeze, () => writeNewDurable(temporary, JSON.stringify(freeze), PRIVATE_FILE_MODE));
    for (;;) {
      if (linkIfFree(temporary, layout.freeze)) break;
      refuseFrozen(layout, now);
      removeOver(layout, now);
    }
    onFile("sync", layout.zdr, () => fsyncPath(layout.zdr));
  } finally {
    discardFile(temporary);
  }
}

/**
 * Takes away a freeze whose time is over. By its name alone somebody's fresh one would go, who was quicker: so it is looked at again
 * once it is out of the way, and put back if it holds.
 */
function removeOver(layout: Layout, now: Date): void {
  const aside = temporaryBeside(layout.freeze);
  const moved = ifThere("move", layout.freeze, () => {
    renameSync(layout.freeze, aside);
    return true;
  });
  if (moved === undefined) return;
  try {
    if (readFreeze({ ...layout, freeze: aside }, now) !== undefined) linkIfFree(aside, layout.freeze);
  } finally {
    discardFile(aside);
  }
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

/** Fails with `frozen` where a freeze holds. */
export function refuseFrozen(layout: Layout, now: Date): void {
  const freeze = readFreeze(layout, now);
  if (freeze !== undefined) throw new AgentError({ reason: "frozen", ...freeze });
}

/** Ends it, also one whose time was over already. What it was; undefined: nothing held. */
export function endFreeze(layout: Layout, now: Date): Freeze | undefined {
  const freeze = readFreeze(layout, now);
  onFile("remove", layout.freeze, () => {
    removeFile(layout.freeze);
    fsyncPath(layout.zdr);
  });
  return freeze;
}
