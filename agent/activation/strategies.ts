/**
 * How a running program is made to take what `current` names. A strategy says what it puts in place before the program
 * can be started or reloaded, how it asks a running one, and whether supervisor's pid stays.
 */
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import type { StrategyName } from "../core/section/preset.ts";
import { onFile, removeFile } from "../io/files.ts";
import { writeKept } from "../kept/spec.ts";
import { emptySlot, fillSlot, holdSlot, offerAgain } from "../slot/slot.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { binaryOf } from "./program-view.ts";

export interface Strategy {
  /** What must be in place before a start or a reload of `tag`. Idempotent. `kept`: what run/<program>.json said before. */
  prepare(context: HostContext, program: ProgramPlan, tag: string, kept?: string): void | Promise<void>;
  /** Takes away what `prepare` made: without a release, supervisor must find nothing to start at the next boot. */
  clear(context: HostContext, program: ProgramPlan): void;
  /** How a running program is asked. Supervisor's pid stays, but for a restart. */
  ask(program: ProgramPlan): Ask;
  /** Keeps what `prepare` made in place for as long as the release is awaited. */
  hold?(context: HostContext, program: ProgramPlan, tag: string): Promise<void>;
  /** Makes what `prepare` made look new to a program that has overlooked it. */
  offer?(context: HostContext, program: ProgramPlan, tag: string): void;
}

export type Ask =
  /** To the pid that supervisor holds. */
  | { readonly by: "signal"; readonly signal: string }
  | { readonly by: "keeper" }
  /** Not at all: it looks for a new binary by itself. By the signal where there is none to be noticed. */
  | { readonly by: "itself"; readonly signal: string }
  /** Stop and start. */
  | { readonly by: "restart" };

const nothing = () => {};

/** Without one these strategies do not pass the CLI's schema. */
function requiredSignal(program: ProgramPlan): string {
  const { signal, strategy } = program.reload;
  if (signal !== undefined) return signal;
  throw new AgentError({ reason: "bad-request", detail: `program ${program.name}: ${strategy} without a signal` });
}

const restarted: Strategy = { prepare: nothing, clear: nothing, ask: () => ({ by: "restart" }) };
const askBySignal = (program: ProgramPlan): Ask => ({ by: "signal", signal: requiredSignal(program) });

const writeSpec: Strategy["prepare"] = (context, program, _tag, kept) => writeKept(context, program, kept);
const kept: Strategy = { prepare: writeSpec, clear: removeKept, ask: () => ({ by: "keeper" }) };

/** Such programs start a relative path again (`./graceful`), which the slot is. */
const prepareForRequest: Strategy["prepare"] = async (context, program, tag, kept) => {
  if (binaryOf(program) !== undefined) fillSlot(context, program, tag);
  await writeKept(context, program, kept);
};

export const STRATEGIES: Record<StrategyName, Strategy> = {
  signal: { prepare: nothing, clear: nothing, ask: askBySignal },
  slot: { prepare: fillSlot, clear: emptySlot, ask: askBySignal },
  watch: {
    ...{ prepare: fillSlot, clear: emptySlot, hold: holdSlot, offer: offerAgain },
    ask: (program) => ({ by: "itself", signal: requiredSignal(program) }),
  },
  handover: kept,
  http: { ...kept, prepare: prepareForRequest, clear: clearAfterRequest },
  socket: kept,
  // Of one member: which of them, and when, is agent/members/.
  bluegreen: restarted,
  rolling: restarted,
  restart: restarted,
};

function clearAfterRequest(context: HostContext, program: ProgramPlan): void {
  if (binaryOf(program) !== undefined) emptySlot(context, program);
  removeKept(context, program);
}

function removeKept({ layout }: HostContext, { name }: ProgramPlan): void {
  const path = layout.keptProgram(name);
  onFile("remove", path, () => removeFile(path));
}
