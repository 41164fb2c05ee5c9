/** `control`: start, stop, restart or reload programs on the release that is current, with the same proof as a deploy. */
import { bringProgram } from "../activation/bring.ts";
import { stopProgram } from "../activation/supervised.ts";
import type { HostContext } from "../context.ts";
import { isDown } from "../core/decision.ts";
import { AgentError } from "../core/failure.ts";
import { readCurrent } from "../io/current.ts";
import type { AgentEvent, ControlResult, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { refuseLints, refuseUnreloadable, refuseUnsafeSignals } from "./parts/lints.ts";
import { lockedContext } from "./parts/open.ts";

type Done = ControlResult["programs"][number];

export async function runControl(
  session: Session,
  request: RequestOf<"control">,
  emit: (event: AgentEvent) => void,
): Promise<ControlResult> {
  const context = lockedContext(session, emit);
  const programs = context.project.programs.filter((program) => request.programs.includes(program.name));
  const asked = { ...context, project: { ...context.project, programs } };
  if (request.action === "stop") await refuseUnsafeSignals(asked);
  else await refuseLints(asked);
  if (request.action === "reload") await refuseUnreloadable(asked);
  const act = request.action === "stop" ? stop : bringer(context, request.action);
  const done: Done[] = [];
  for (const program of programs) {
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
  const before = await context.supervisor.getProcessInfo(process);
  await stopProgram(context, program);
  const info = await context.supervisor.getProcessInfo(process);
  return { name, process, done: isDown(before.statename) ? "not running" : "stopped", info };
};

const DONE = { start: "started", reload: "reloaded", restart: "restarted", none: "unchanged" } as const;

/** Before anything is told to any program: without `current` there is nothing to run. */
function bringer({ layout }: HostContext, action: "start" | "restart" | "reload"): Act {
  const tag = readCurrent(layout);
  if (tag === undefined) throw new AgentError({ reason: "nothing-deployed" });
  return async (context, program) => {
    const { name, process } = program;
    const info = await context.supervisor.getProcessInfo(process);
    if (action === "start" && info.statename === "RUNNING") return { name, process, done: "already started", info };
    const brought = await bringProgram(context, program, { tag, reload: "always", restart: action === "restart" });
    const gap = brought.gapMs === undefined ? {} : { gapMs: Math.round(brought.gapMs) };
    return { name, process, done: DONE[brought.action], info: brought.info, ...gap };
  };
}
