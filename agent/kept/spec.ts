/** What `run/<program>.json` says of a kept program, and how it is put there. */
import { lstatSync, readFileSync } from "node:fs";
import { type Account, programAccount } from "../activation/account.ts";
import { READY_TIMEOUT_MS } from "../activation/ready.ts";
import type { HostContext } from "../context.ts";
import { failureOf } from "../core/failure.ts";
import { type Layout, SET_GROUP_ID } from "../core/layout.ts";
import { isKept, pastDrainOf } from "../core/presets.ts";
import { programCommand, programEnvironment } from "../core/section.ts";
import { errnoOf, ifThere, type NewFile, replaceFile } from "../io/files.ts";
import { type KeptProgram, PASSED_SIGNALS, SPEC_VERSION } from "../keeper/spec.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { keeperDifferences } from "./client.ts";

type Readers = NewFile & { readonly mode: number };

const CLOSED_MODE = 0o600;
const GROUP_MODE = 0o640;
const OPEN_MODE = 0o644;

/**
 * Replaced by a rename: the keeper reads it before each start of the program. Where it is as it is to be it is left alone: the way back
 * may have no room for another one. `text`: what it said before, to put that back.
 */
export async function writeKept(context: HostContext, program: ProgramPlan, text?: string): Promise<void> {
  const { layout } = context;
  const readers = await readersNow(context, program);
  const wanted = text ?? keptText(program, layout);
  if (readKept(program, layout) === wanted && isReadBy(layout, program, readers)) return;
  const { mode, ...given } = readers;
  replaceFile(layout.keptProgram(program.name), wanted, mode, given);
}

/** Whether it is this user's own, and for those who are to read it. */
function isReadBy(layout: Layout, { name }: ProgramPlan, { mode, gid, through }: Readers): boolean {
  const found = lookAt(layout.keptProgram(name));
  if (found?.isFile() !== true || found.uid !== (process.getuid?.() ?? 0) || (found.mode & 0o7777) !== mode)
    return false;
  const group = through === undefined ? gid : lookAt(through)?.gid;
  return group === undefined || found.gid === group;
}

const lookAt = (path: string) => ifThere("look at", path, () => lstatSync(path));

/** Where nobody can tell who the program's user is, whoever could read the file can read it again: its keeper must. */
async function readersNow(context: HostContext, program: ProgramPlan): Promise<Readers> {
  const { layout } = context;
  const path = layout.keptProgram(program.name);
  let account: Account | undefined;
  try {
    account = await programAccount(context, program);
  } catch (error) {
    if (failureOf(error).reason !== "user-silent") throw error;
  }
  const present = account === undefined ? lookAt(path) : undefined;
  if (present === undefined) return readersOf(layout, program, account);
  const mode = present.mode & 0o777;
  return mode === GROUP_MODE ? readersOfGroup(layout, program, present.gid) : { mode };
}

/**
 * Who can read run/<program>.json, whose environment may hold secrets: the program's first group, which root gives it, of which
 * this user is a member, or which a folder that an administrator made gives to what is made in it (inode(7), the
 * set-group-ID bit); else everybody, since the keeper must. Never is it the program's user's own: a program that somebody
 * has broken into could change what is started the next time.
 */
function readersOf(layout: Layout, program: ProgramPlan, account: Account | undefined): Readers {
  if (account === undefined || account.uid === (process.getuid?.() ?? 0)) return { mode: CLOSED_MODE };
  return account.gid === undefined ? { mode: OPEN_MODE } : readersOfGroup(layout, program, account.gid);
}

function readersOfGroup(layout: Layout, { name }: ProgramPlan, gid: number): Readers {
  const ownUid = process.getuid?.() ?? 0;
  if (ownUid === 0) return { mode: GROUP_MODE, gid };
  if ([process.getgid?.(), ...(process.getgroups?.() ?? [])].includes(gid)) return { mode: GROUP_MODE, gid };
  const through = layout.keptDraft(name);
  const folder = lookAt(through);
  const gives = folder?.isDirectory() === true && folder.uid === ownUid && folder.gid === gid;
  return gives && (folder.mode & SET_GROUP_ID) !== 0 ? { mode: GROUP_MODE, through } : { mode: OPEN_MODE };
}

/** Whether everybody on the host will be able to read what must be the program's alone. */
export function isExposed(layout: Layout, program: ProgramPlan, account: Account | undefined): boolean {
  return Object.keys(program.environment).length > 0 && readersOf(layout, program, account).mode === OPEN_MODE;
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
    pastDrain: pastDrainOf(program),
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
