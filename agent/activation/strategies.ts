/**
 * How a running program is made to take what `current` names. A strategy says what it puts in place before the program
 * can be started or reloaded, how it asks a running one, and whether supervisor's pid stays.
 */
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync } from "node:fs";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { PUBLIC_DIR_MODE } from "../core/layout.ts";
import type { StrategyName } from "../core/presets.ts";
import { onFile, temporaryBeside } from "../io/files.ts";
import { writeKept } from "../kept/spec.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { binaryOf } from "./program-view.ts";

export interface Strategy {
  /** What must be in place before a start or a reload of `tag`. Idempotent. `kept`: what run/<program>.json said before. */
  prepare(context: HostContext, program: ProgramPlan, tag: string, kept?: string): void | Promise<void>;
  /** Takes away what `prepare` made: without a release, supervisor must find nothing to start at the next boot. */
  clear(context: HostContext, program: ProgramPlan): void;
  /** How a running program is asked. Supervisor's pid stays, but for a restart. */
  ask(program: ProgramPlan): Ask;
}

export type Ask =
  /** To the pid that supervisor holds. */
  | { readonly by: "signal"; readonly signal: string }
  | { readonly by: "keeper" }
  /** Stop and start. */
  | { readonly by: "restart" };

const nothing = () => {};

/** `reload:` without a signal passes the CLI's schema only for `restart`. */
function requiredSignal(program: ProgramPlan): Ask {
  const { signal, strategy } = program.reload;
  if (signal === undefined) {
    throw new AgentError({ reason: "bad-request", detail: `program ${program.name}: ${strategy} without a signal` });
  }
  return { by: "signal", signal };
}

const writeSpec: Strategy["prepare"] = (context, program, _tag, kept) => writeKept(context, program, kept);
const kept: Strategy = { prepare: writeSpec, clear: removeKept, ask: () => ({ by: "keeper" }) };

/** Such programs start a relative path again (`./graceful`), which the slot is. */
const prepareForRequest: Strategy["prepare"] = async (context, program, tag, kept) => {
  if (binaryOf(program) !== undefined) fillSlot(context, program, tag);
  await writeKept(context, program, kept);
};

export const STRATEGIES: Record<StrategyName, Strategy> = {
  signal: { prepare: nothing, clear: nothing, ask: requiredSignal },
  slot: { prepare: fillSlot, clear: emptySlot, ask: requiredSignal },
  handover: kept,
  http: { ...kept, prepare: prepareForRequest, clear: clearAfterRequest },
  socket: kept,
  restart: { prepare: nothing, clear: nothing, ask: () => ({ by: "restart" }) },
};

/**
 * Renames a hard link of the release's binary over the slot that supervisor starts. overseer re-executes the realpath of
 * its own binary, which for a slot is the slot: it finds the new binary there, and the releases stay untouched.
 */
function fillSlot(context: HostContext, program: ProgramPlan, tag: string): void {
  const { slot, binary } = slotOf(context, program);
  const temporary = temporaryBeside(slot);
  const folder = context.layout.programRun(program.name);
  onFile("fill the slot", slot, () => {
    // One that is there may be the program's user's.
    if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, PUBLIC_DIR_MODE);
    linkSync(`${context.layout.release(tag)}/${binary}`, temporary);
    try {
      // rename(2) does nothing where both names are links of one file already, so the temporary name is removed as well.
      renameSync(temporary, slot);
    } finally {
      rmSync(temporary, { force: true });
    }
  });
}

function clearAfterRequest(context: HostContext, program: ProgramPlan): void {
  if (binaryOf(program) !== undefined) emptySlot(context, program);
  removeKept(context, program);
}

function removeKept({ layout }: HostContext, { name }: ProgramPlan): void {
  const path = layout.keptProgram(name);
  onFile("remove", path, () => rmSync(path, { force: true }));
}

function emptySlot(context: HostContext, program: ProgramPlan): void {
  const { slot } = slotOf(context, program);
  onFile("empty the slot", slot, () => rmSync(slot, { force: true }));
}

function slotOf({ layout }: HostContext, program: ProgramPlan): { readonly slot: string; readonly binary: string } {
  const binary = binaryOf(program);
  if (binary === undefined) {
    const detail = `program ${program.name}: a slot needs a binary of the release`;
    throw new AgentError({ reason: "bad-request", detail });
  }
  return { slot: layout.slot(program.name, binary), binary };
}
