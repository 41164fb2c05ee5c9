/** `control`: start, stop, restart or reload programs on the release that is current, with the same proof as a deploy. */
import { bringProgram } from "../activation/bring.ts";
import { stopProgram } from "../activation/supervised.ts";
import type { HostContext } from "../context.ts";
import { isDown } from "../core/decision.ts";
import { AgentError } from "../core/failure.ts";
import { readCurrent } from "../io/current.ts";
import type { AgentEvent, ControlResult, ProgramPlan, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import { refuseLints, refuseUnreloadable } from "./lints.ts";
import { lockedContext } from "./open.ts";

type Done = ControlResult["programs"][number];

export async function runControl(
  session: Session,
  request: RequestOf<"control">,
  emit: (event: AgentEvent) => void,
): Promise<ControlResult> {
  const context = lockedContext(session, emit);
  const programs = context.project.programs.filter((program) => request.programs.includes(program.name));
  const asked = { ...context, project: { ...context.project, programs } };
  if (request.action !== "stop") await refuseLints(asked);
  if (request.action === "reload") await refuseUnreloadable(asked);
  const done: Done[] = [];
  for (const program of programs) done.push(await controlProgram(context, program, request.action));
  return { programs: done };
}

async function controlProgram(
  context: HostContext,
  program: ProgramPlan,
  action: RequestOf<"control">["action"],
): Promise<Done> {
  const { name, process } = program;
  const before = await context.supervisor.getProcessInfo(process);
  if (action === "stop") {
    await stopProgram(context, program);
    const info = await context.supervisor.getProcessInfo(process);
    return { name, process, done: isDown(before.statename) ? "not running" : "stopped", info };
  }
  if (action === "start" && before.statename === "RUNNING")
    return { name, process, done: "already started", info: before };
  const tag = readCurrent(context.layout);
  if (tag === undefined) throw new AgentError({ reason: "no-good-release" });
  const brought = await bringProgram(context, program, { tag, reload: "always", restart: action === "restart" });
  const done = { start: "started", reload: "reloaded", restart: "restarted", none: "unchanged" }[brought.action];
  const gap = brought.gapMs === undefined ? {} : { gapMs: Math.round(brought.gapMs) };
  return { name, process, done, info: brought.info, ...gap };
}
