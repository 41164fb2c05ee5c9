/** Starts the program once, with a lifeline that tells when nobody of it is left. */
import { type ChildProcess, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { FIRST_LISTEN_FD } from "./environment.ts";
import type { Status } from "./machine/model.ts";
import type { KeptProgram } from "./spec.ts";

/**
 * One end of a socket pair: whatever the program starts inherits it, and its end is told when the last holder has gone.
 * High, because libraries count their own sockets from 3, and because Node keeps its children from what it has inherited
 * below the first gap behind fd 15.
 */
export const LIFELINE_FD = 60;

/** Only the started process knows its pid before the program runs, and sd_listen_fds(3) wants to see it. */
const WITH_OWN_PID = ["/bin/sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh"] as const;

export interface StartOptions {
  readonly spec: KeptProgram;
  readonly environment: Readonly<Record<string, string>>;
  /** Of listening sockets, from fd 3 on. */
  readonly fds: readonly number[];
  readonly onExit: (status: Status) => void;
  /** Nobody holds the lifeline any more. */
  readonly onLifelineClosed: () => void;
}

export interface Started {
  readonly pid: number;
  /** `socket:[inode]` of the program's end of the lifeline; undefined: it could not be read. */
  readonly lifeline: string | undefined;
}

/** @throws Error when it can not be executed: the system's own, with a code. */
export async function startProgram(options: StartOptions): Promise<Started> {
  const { spec, environment, fds } = options;
  const [file = "", ...args] = spec.strategy === "socket" ? [...WITH_OWN_PID, ...spec.command] : spec.command;
  const child = spawn(file, args, {
    cwd: spec.cwd,
    env: environment,
    stdio: [...(["inherit", "inherit", "inherit"] as const), ...fds, ...gapAfter(fds), "pipe"],
  });
  if (child.pid === undefined) throw await failureOf(child);
  child.on("error", () => {});
  child.on("exit", (code, signal) => options.onExit(statusOf(code, signal)));
  const ends: readonly (Readable | Writable | null | undefined)[] = child.stdio;
  const lifeline = ends[LIFELINE_FD] as Readable;
  lifeline.on("error", () => {});
  lifeline.on("close", options.onLifelineClosed);
  lifeline.resume();
  // spawn() returns when the program has been executed, so the link is there, unless it has been closed or has ended.
  return { pid: child.pid, lifeline: lifelineOf(child.pid) };
}

/** libuv leaves ignored fds above 2 closed. */
function gapAfter(fds: readonly number[]): "ignore"[] {
  return Array<"ignore">(LIFELINE_FD - FIRST_LISTEN_FD - fds.length).fill("ignore");
}

function failureOf(child: ChildProcess): Promise<Error> {
  return new Promise((resolve) => child.on("error", resolve));
}

function statusOf(code: number | null, signal: NodeJS.Signals | null): Status {
  if (signal !== null) return { signal: constants.signals[signal] };
  return code === null ? "unknown" : { code };
}

/** What a process holds at the lifeline's place. @throws EACCES where that is not for us to see */
export function readLifeline(pid: number): string {
  return readlinkSync(`/proc/${pid}/fd/${LIFELINE_FD}`);
}

function lifelineOf(pid: number): string | undefined {
  try {
    return readLifeline(pid);
  } catch {
    return undefined;
  }
}
