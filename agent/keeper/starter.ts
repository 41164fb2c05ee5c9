/** Starts of the program, one generation after the other: what run/<program>.json says now, on the same sockets. */
import { readFileSync, readlinkSync } from "node:fs";
import { socketInode } from "../core/process/proc.ts";
import { readProcess } from "../io/process/processes.ts";
import { programEnvironment } from "./environment.ts";
import type { SpawnFailure, Status, Strategy } from "./machine/model.ts";
import { keyOfListen, openSockets, type Sockets, setModes } from "./sockets.ts";
import { type KeeperPaths, type KeptProgram, parseSpec } from "./spec.ts";
import { startProgram } from "./start.ts";

/** A start that fails in a way that the machine knows. */
export class CannotStart extends Error {
  override readonly name = "CannotStart";
  readonly reason: SpawnFailure;

  constructor(reason: SpawnFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface StarterEvents {
  /** Before the program runs. */
  onSpec(spec: KeptProgram): void;
  onExit(pid: number, status: Status): void;
  onLifelineClosed(lineage: number): void;
}

export interface StartedProcess {
  readonly pid: number;
  readonly startTicks: number;
  readonly lineage: number;
  /** What it was started by. */
  readonly spec: KeptProgram;
}

export interface Starter {
  /** @throws CannotStart */
  readSpec(): KeptProgram;
  /** @throws CannotStart; any other error says that the program can not be executed */
  start(strategy: Strategy, events: StarterEvents): Promise<StartedProcess>;
  /** Of the lifelines that somebody holds, by what readLifeline gives. */
  readonly lineages: ReadonlyMap<string, number>;
  /** argv of the last start. */
  command(): readonly string[];
  /** Inodes of the keeper's own listening sockets. */
  inodes(): ReadonlySet<bigint>;
  close(): void;
}

export function createStarter(paths: KeeperPaths): Starter {
  let spec: KeptProgram | undefined;
  let sockets: Sockets | undefined;
  let starts = 0;
  const lineages = new Map<string, number>();

  function readSpec(): KeptProgram {
    let text: string;
    try {
      text = readFileSync(paths.spec, "utf8");
    } catch (error) {
      throw new CannotStart("bad-spec", error instanceof Error ? error.message : String(error));
    }
    const result = parseSpec(text);
    if ("problem" in result) throw new CannotStart("bad-spec", `${paths.spec}: ${result.problem}`);
    return result.spec;
  }

  async function openFor(next: KeptProgram, strategy: Strategy): Promise<void> {
    if (next.strategy !== strategy) throw new CannotStart("needs-restart", "strategy has changed");
    if (strategy !== "socket") return;
    if (sockets !== undefined && sockets.key !== keyOfListen(next.listen)) {
      throw new CannotStart("needs-restart", "listen has changed");
    }
    if (sockets !== undefined) applyModes(next);
    sockets ??= await openSockets(next.listen).catch((error: Error) => {
      throw new CannotStart("cannot-listen", error.message);
    });
  }

  /** Through a file that somebody has removed nobody can connect any more, and only another socket mends that. */
  function applyModes({ listen }: KeptProgram): void {
    try {
      setModes(listen);
    } catch (error) {
      throw new CannotStart("needs-restart", error instanceof Error ? error.message : String(error));
    }
  }

  async function start(strategy: Strategy, events: StarterEvents): Promise<StartedProcess> {
    const next = readSpec();
    await openFor(next, strategy);
    spec = next;
    events.onSpec(next);
    const lineage = ++starts;
    const keeper = { pid: process.pid, specPath: paths.spec, controlPath: paths.control, start: lineage };
    let pid = 0;
    const started = await startProgram({
      spec: next,
      environment: programEnvironment(next, process.env, keeper),
      fds: sockets?.fds ?? [],
      onExit: (status) => events.onExit(pid, status),
      onLifelineClosed: () => {
        for (const [lifeline, of] of lineages) if (of === lineage) lineages.delete(lifeline);
        events.onLifelineClosed(lineage);
      },
    });
    pid = started.pid;
    if (started.lifeline !== undefined) lineages.set(started.lifeline, lineage);
    return { pid, startTicks: readProcess(pid)?.startTicks ?? 0, lineage, spec: next };
  }

  return {
    ...{ readSpec, start, lineages },
    command: () => spec?.command ?? [],
    inodes: () => new Set(sockets?.fds.flatMap((fd) => socketInode(readlinkSync(`/proc/self/fd/${fd}`)) ?? [])),
    close: () => sockets?.close(),
  };
}
