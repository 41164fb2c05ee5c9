/**
 * What a killed keeper left behind: the program goes on, holds the port, and dies of SIGPIPE at its next line of log, since
 * nobody reads its pipes any more. It is found by the mark in its environment and by the state file, and ended before
 * anything is started.
 */
import { readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { bootId, descendants, type ListedProcess, readProcess } from "../io/process/processes.ts";
import { findMembers, markFor } from "./members.ts";
import type { KeeperPaths, KeptProgram } from "./spec.ts";

/** After TERM. Not `drainMs`: whoever waits for the port meanwhile is refused. */
const LEFTOVER_LIMIT_MS = 5_000;
/** After KILL: what is still there then waits in the kernel, or has become somebody whom this user may not signal. */
const KILL_LIMIT_MS = 5_000;
const LOOK_INTERVAL_MS = 50;

const ProcessName = z.object({ pid: z.number(), startTicks: z.number() });
const StateFile = z.object({
  bootId: z.string(),
  keeper: z.object({ pid: z.number(), startTicks: z.number(), pgrp: z.number() }),
  generations: z.array(ProcessName),
});
type StateFile = z.infer<typeof StateFile>;
type ProcessName = z.infer<typeof ProcessName>;

/** Replaced by a rename; not made durable, since it says nothing after a boot. */
export function writeState(path: string, state: StateFile): void {
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, `${JSON.stringify(state)}\n`, { mode: 0o644 });
    renameSync(temporary, path);
  } catch {
    // The mark in the environment finds them as well, but for binaries with file capabilities.
    try {
      unlinkSync(temporary);
    } catch {}
  }
}

function readState(path: string): StateFile | undefined {
  try {
    const state = z.parse(StateFile, JSON.parse(readFileSync(path, "utf8")));
    return state.bootId === bootId() ? state : undefined;
  } catch {
    return undefined;
  }
}

/** Another keeper of this program that lives; undefined: there is none. */
export function otherKeeper(paths: KeeperPaths): number | undefined {
  const keeper = readState(paths.state)?.keeper;
  return keeper !== undefined && keeper.pid !== process.pid && isAlive(keeper) ? keeper.pid : undefined;
}

function isAlive({ pid, startTicks }: ProcessName): boolean {
  const found = readProcess(pid);
  return found !== undefined && found.startTicks === startTicks && !found.isZombie;
}

/** Returns when none is left, and who there was. @throws Error with a message for people: somebody does not go */
export async function endLeftovers(paths: KeeperPaths, spec: KeptProgram): Promise<readonly number[]> {
  const state = readState(paths.state);
  const told = new Set<number>();
  const limit = performance.now() + Math.min(LEFTOVER_LIMIT_MS, spec.drainMs);
  let killLimit: number | undefined;
  for (;;) {
    const found = findLeftovers(paths, spec, state);
    if (found.length === 0) return [...told];
    const now = performance.now();
    const isLate = now > limit;
    if (isLate) killLimit ??= now + KILL_LIMIT_MS;
    if (killLimit !== undefined && now > killLimit) {
      throw new Error(
        `pid ${found.join(", ")}, left by a killed keeper, can not be ended: nothing is started beside it`,
      );
    }
    for (const pid of found) {
      if (isLate || !told.has(pid)) sendQuietly(pid, isLate ? "SIGKILL" : "SIGTERM");
      told.add(pid);
    }
    await sleep(LOOK_INTERVAL_MS);
  }
}

function findLeftovers(paths: KeeperPaths, spec: KeptProgram, state: StateFile | undefined): number[] {
  const recorded = (state?.generations ?? []).filter(isAlive);
  const found = findMembers({
    ...{ mark: markFor(paths.spec), command: spec.command, sinceTicks: state?.keeper.startTicks ?? 0 },
    // A process group keeps its number from others while somebody is in it.
    pgrp: state?.keeper.pgrp ?? 0,
    lineages: new Map(),
    known: new Map(recorded.map(({ pid }) => [pid, 0])),
  });
  return found.filter(({ isDead }) => !isDead).map(({ pid }) => pid);
}

/** To that very process, if it is still there; false: it is not. */
export function signalProcess({ pid, startTicks }: ProcessName, name: NodeJS.Signals): boolean {
  return isAlive({ pid, startTicks }) && sendQuietly(pid, name);
}

/** SIGKILL to a process and what descends from it. */
export function killTree(top: ProcessName): void {
  const below: readonly ListedProcess[] = descendants(top.pid);
  if (!signalProcess(top, "SIGKILL")) return;
  for (const process of below) signalProcess(process, "SIGKILL");
}

function sendQuietly(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
