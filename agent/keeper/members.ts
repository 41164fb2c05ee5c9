/**
 * Who belongs to the program: whoever holds one of its lifelines, whatever became of its parent, process group and argv;
 * whoever carries the mark in its environment, for those that close what they inherit; and, where the kernel lets nobody
 * look (a binary with file capabilities), whoever has the keeper's process group and the program's name.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseStat } from "../core/process/proc.ts";
import { type ListedProcess, listProcesses } from "../io/process/processes.ts";
import { MARK } from "./environment.ts";
import type { Member } from "./machine/model.ts";
import { readLifeline } from "./start.ts";

export interface Search {
  /** Value of MARK; undefined: it says nothing here. */
  readonly mark: string | undefined;
  readonly command: readonly string[];
  /** Nobody who started earlier belongs to it; in clock ticks since boot. */
  readonly sinceTicks: number;
  readonly pgrp: number;
  /** By what readLifeline gives. */
  readonly lineages: ReadonlyMap<string, number>;
  /** Processes that are known to belong to it, with their lineage: so do their children. */
  readonly known: ReadonlyMap<number, number>;
}

export type Found = Omit<Member, "accepts">;

export function findMembers(search: Search): Found[] {
  const all = listProcesses().filter(({ pid, startTicks }) => pid !== process.pid && startTicks >= search.sinceTicks);
  const own = new Map<number, number | undefined>();
  for (const listed of all) {
    const belongs = belonging(listed, search);
    if (belongs !== undefined) own.set(listed.pid, belongs.lineage);
  }
  addChildren(all, own);
  return all.filter(({ pid }) => own.has(pid)).map((listed) => describe(listed, own.get(listed.pid), search.command));
}

function belonging(listed: ListedProcess, search: Search): { lineage: number | undefined } | undefined {
  const { pid, pgrp, isZombie } = listed;
  if (search.known.has(pid)) return { lineage: search.known.get(pid) };
  if (isZombie) return undefined;
  try {
    const lineage = search.lineages.get(readLifeline(pid));
    if (lineage !== undefined) return { lineage };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") {
      return pgrp === search.pgrp && isKin(pid, search.command) ? { lineage: undefined } : undefined;
    }
  }
  return isMarked(pid, search.mark) ? { lineage: undefined } : undefined;
}

/** A child that has died still tells that there was one. */
function addChildren(all: readonly ListedProcess[], own: Map<number, number | undefined>): void {
  for (let before = -1; before !== own.size; ) {
    before = own.size;
    for (const { pid, ppid } of all) if (own.has(ppid) && !own.has(pid)) own.set(pid, own.get(ppid));
  }
}

function describe(listed: ListedProcess, lineage: number | undefined, command: readonly string[]): Found {
  const { pid, startTicks, ppid, isZombie, hasExecuted, reapedFaults } = listed;
  const kin = isZombie ? commOf(pid) !== undefined && commOf(pid) === commOf(ppid) : isKin(pid, command);
  return { pid, startTicks, ppid, lineage, isDead: isZombie, isKin: kin, isCopy: !hasExecuted, reapedFaults };
}

function isMarked(pid: number, mark: string | undefined): boolean {
  if (mark === undefined) return false;
  const environment = readProc(pid, "environ");
  const variable = `${MARK}=${mark}\0`;
  return environment.startsWith(variable) || environment.includes(`\0${variable}`);
}

/**
 * A supervisord that was started out of the program itself carries the mark, as does all that it starts: then the mark
 * tells nothing, and to end whoever has it would end supervisord.
 */
export function markFor(specPath: string): string | undefined {
  return process.env[MARK] === specPath ? undefined : specPath;
}

/** Words of argv in which the program's name is looked for: an interpreter, its option, and the script. */
const NAME_WORDS = 4;

/** Libraries start their successors by the same name, whatever they add to it; helpers have another. */
function isKin(pid: number, command: readonly string[]): boolean {
  const words = readProc(pid, "cmdline")
    .split("\0")
    .slice(0, NAME_WORDS)
    .map((text) => basename(text));
  const [first = "", second = "-"] = command;
  const names = second.startsWith("-") ? [first] : [first, second];
  return names.every((name) => words.includes(basename(name)));
}

function commOf(pid: number): string | undefined {
  return parseStat(readProc(pid, "stat"))?.comm;
}

/**
 * Empty: it is gone, or not for us to see. As UTF-8, which paths are compared in, and which Node reads without a buffer of 64 KB
 * for a file that tells no size.
 */
function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
