/** `control`: start, stop, restart or reload programs on the release that is current, with the same proof as a deploy. */
import { bringProgram } from "../activation/bring.ts";
import type { HostContext } from "../context.ts";
import { isDown } from "../core/decision.ts";
import { AgentError } from "../core/failure.ts";
import { readCurrent } from "../io/current.ts";
import { bringWhole } from "../members/bring.ts";
import { membersOf, programInfo, stopMembers } from "../members/members.ts";
import type { AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { ControlResult } from "../wire/control/control.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { refuseLints, refuseMixedGroups, refuseUnreloadable, refuseUnsafeSignals } from "./parts/lints.ts";
import { lockedContext } from "./parts/open.ts";
import { targetsOf } from "./parts/targets.ts";

type Done = ControlResult["programs"][number];

export async function runControl(
  session: Session,
  request: RequestOf<"control">,
  emit: (event: AgentEvent) => void,
): Promise<ControlResult> {
  const context = lockedContext(session, emit);
  const targets = targetsOf(context, request.programs);
  const programs = context.project.programs.filter((program) => targets.some((target) => target.of === program));
  const asked = { ...context, project: { ...context.project, programs } };
  if (request.action === "stop") {
    await refuseMixedGroups(asked);
    await refuseUnsafeSignals(asked);
  } else await refuseLints(asked);
  if (request.action === "reload") await refuseUnreloadable(asked);
  // Of single members, before anything is told to any of them.
  for (const { program } of targets) await membersOf(context, program);
  const act = request.action === "stop" ? stop : bringer(context, request.action);
  const done: Done[] = [];
  for (const { program } of targets) {
    try {
      done.push(await act(context, program));
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return { programs: done, failure: error.failure };
    }
  }
  return { programs: done };
}

type Act = (context: HostContext, program: ProgramPlan) => Promise<Done>;

const stop: Act = async (context, program) => {
  const { name, process } = program;
  const members = await membersOf(context, program);
  const wasDown = members.every((member) => isDown(member.info.statename));
  await stopMembers(context, program);
  return { name, process, done: wasDown ? "not running" : "stopped", info: await programInfo(context, program) };
};

const DONE = { start: "started", reload: "reloaded", restart: "restarted", none: "unchanged" } as const;

/** Before anything is told to any program: without `current` there is nothing to run. */
function bringer({ layout }: HostContext, action: "start" | "restart" | "reload"): Act {
  const tag = readCurrent(layout);
  if (tag === undefined) throw new AgentError({ reason: "nothing-deployed" });
  return async (context, program) => {
    const { name, process } = program;
    if (action === "start") {
      const down = await downMembers(context, program);
      if (down.length === 0)
        return { name, process, done: "already started", info: await programInfo(context, program) };
      if (down[0] !== program) {
        for (const member of down) await bringProgram(context, member, { tag, reload: "always" });
        return { name, process, done: "started", info: await programInfo(context, program) };
      }
    }
    const brought = await bringWhole(context, program, { tag, reload: "always", restart: action === "restart" });
    const gap = brought.gapMs === undefined ? {} : { gapMs: Math.round(brought.gapMs) };
    return { name, process, done: DONE[brought.action], info: brought.info, ...gap };
  };
}

/** What is to be started: the program itself where nothing of it runs, or, of a rolling one, the members that are down. */
async function downMembers(context: HostContext, program: ProgramPlan): Promise<readonly ProgramPlan[]> {
  const members = await membersOf(context, program);
  const down = members.filter(({ info }) => info.statename !== "RUNNING");
  if (down.length === members.length) return [program];
  return program.reload.strategy === "rolling" ? down.map((member) => member.program) : [];
}
