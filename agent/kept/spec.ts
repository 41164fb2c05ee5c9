/** What `run/<program>.json` says of a kept program, and how it is put there. */
import { readFileSync } from "node:fs";
import { programAccount } from "../activation/account.ts";
import { READY_TIMEOUT_MS } from "../activation/ready.ts";
import type { HostContext } from "../context.ts";
import type { Layout } from "../core/layout.ts";
import { isKept } from "../core/presets.ts";
import { programCommand, programEnvironment } from "../core/section.ts";
import { errnoOf, replaceFile } from "../io/files.ts";
import { type KeptProgram, PASSED_SIGNALS, SPEC_VERSION } from "../keeper/spec.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { keeperDifferences } from "./client.ts";

/** The environment may hold secrets: others can read it only where root is not there to give the file away. */
const CLOSED_MODE = 0o600;
const OPEN_MODE = 0o644;

/** Replaced by a rename: the keeper reads it before each start of the program. `text`: what it said before, to put that back. */
export async function writeKept(context: HostContext, program: ProgramPlan, text?: string): Promise<void> {
  const { layout } = context;
  const account = await programAccount(context, program);
  const ownUid = process.getuid?.() ?? 0;
  const isOwn = account === undefined || account.uid === ownUid;
  const mode = isOwn || ownUid === 0 ? CLOSED_MODE : OPEN_MODE;
  const owner = isOwn || ownUid !== 0 ? undefined : account.uid;
  replaceFile(layout.keptProgram(program.name), text ?? keptText(program, layout), mode, owner);
}

export function keptText(program: ProgramPlan, layout: Layout): string {
  return `${JSON.stringify(keptProgram(program, layout), null, 2)}\n`;
}

/** What is there; undefined: nothing, or nothing that this user may read. */
export function readKept({ name }: ProgramPlan, layout: Layout): string | undefined {
  try {
    return readFileSync(layout.keptProgram(name), "utf8");
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * What of a running program was started otherwise than `text` says, by default what deploy.yml says. Empty also where
 * nobody can tell: it is not kept, or its keeper does not answer.
 */
export async function keptDifferences(
  { layout }: HostContext,
  program: ProgramPlan,
  text = keptText(program, layout),
): Promise<readonly string[]> {
  if (!isKept(program)) return [];
  return (await keeperDifferences(layout.keeperSocket(program.name), text)) ?? [];
}

export function keptProgram(program: ProgramPlan, layout: Layout): KeptProgram {
  const { name, reload, listen = [], health } = program;
  const isSocket = reload.strategy === "socket";
  return {
    v: SPEC_VERSION,
    program: name,
    current: layout.current,
    command: programCommand(program, layout),
    environment: programEnvironment(program, layout),
    cwd: workFolder(program, layout),
    strategy: isSocket ? "socket" : "handover",
    ...signalsOf(reload),
    drainMs: reload.drainMs,
    readyMs: readyLimitMs(health),
    listen: listen.map((address, index) => ({
      name: listen.length === 1 ? name : `${name}-${index + 1}`,
      ...address,
    })),
  };
}

/** Until when a new generation must accept. */
export function readyLimitMs(health: ProgramPlan["health"]): number {
  return health?.timeoutMs ?? READY_TIMEOUT_MS;
}

/** `http` asks by a request, and the keeper itself is asked over its socket. */
function signalsOf({ strategy, signal, oldSignal }: ProgramPlan["reload"]): Pick<KeptProgram, "signal" | "oldSignal"> {
  const passed = PASSED_SIGNALS.find((known) => known === signal);
  const isEnding = oldSignal === "QUIT" || oldSignal === "TERM" || oldSignal === "INT";
  return {
    ...(strategy !== "handover" || passed === undefined ? {} : { signal: passed }),
    ...(strategy === "socket" || !isEnding ? {} : { oldSignal }),
  };
}

/**
 * A living process keeps the folder that it was started in, and so do its successors: never a release, but for
 * `socket`, where each generation is started anew. `http`: where a relative path leads to the slot.
 */
function workFolder({ name, reload: { strategy } }: ProgramPlan, layout: Layout): string {
  if (strategy === "socket") return layout.current;
  return strategy === "http" ? layout.programRun(name) : layout.deployTo;
}
