/** A program's members as supervisor has them. A program that is one process is the only member of itself. */
import { viewProgram } from "../activation/program-view.ts";
import { infoOf, stopProgram } from "../activation/supervised.ts";
import type { HostContext } from "../context.ts";
import { AgentError, failureOf } from "../core/failure.ts";
import type { ProcessView } from "../core/generation.ts";
import { memberGroup, memberPlan } from "../core/members/plan.ts";
import { namespecOf } from "../core/supervisor/status-text.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProcessInfo } from "../wire/program.ts";

export interface Member {
  /** As a program of its own. */
  readonly program: ProgramPlan;
  readonly info: ProcessInfo;
}

/** Never none. */
export type Members = readonly [Member, ...Member[]];

/** In supervisor's order. Throws `program-unknown` where supervisor knows none. */
export async function membersOf(context: HostContext, program: ProgramPlan): Promise<Members> {
  const group = memberGroup(program);
  if (group === undefined) return [{ program, info: await infoOf(context, program) }];
  const infos = (await context.supervisor.getAllProcessInfo()).filter((info) => info.group === group);
  const [first, ...rest] = infos.map((info) => ({ program: memberPlan(program, namespecOf(info)), info }));
  if (first !== undefined) return [first, ...rest];
  throw new AgentError({ reason: "program-unknown", program: program.name, process: program.process });
}

/** The same; none where supervisor does not know it. */
export async function membersOrNone(context: HostContext, program: ProgramPlan): Promise<readonly Member[]> {
  try {
    return await membersOf(context, program);
  } catch (error) {
    if (failureOf(error).reason === "program-unknown") return [];
    throw error;
  }
}

/** Of the member that says most of the whole: it is up if any of them is. */
export function summaryOf([first, ...rest]: Members): ProcessInfo {
  const weight = ({ info }: Member) => BY_WEIGHT.indexOf(info.statename);
  return rest.reduce((best, member) => (weight(member) > weight(best) ? member : best), first).info;
}

/** What is not in it weighs least. */
const BY_WEIGHT = ["EXITED", "FATAL", "UNKNOWN", "BACKOFF", "STOPPING", "STARTING", "RUNNING"];

/** What supervisor says of a program, in one answer. */
export async function programInfo(context: HostContext, program: ProgramPlan): Promise<ProcessInfo> {
  return summaryOf(await membersOf(context, program));
}

interface Viewed {
  readonly program: ProgramPlan;
  readonly info: Pick<ProcessInfo, "pid">;
}

/** The processes of all members. */
export async function viewMembers(context: HostContext, members: readonly Viewed[]): Promise<ProcessView[]> {
  const views: ProcessView[] = [];
  for (const { program, info } of members) views.push(...(await viewProgram(context, program, info.pid)));
  return views;
}

/** Stops all members at once, and waits for each. */
export async function stopMembers(context: HostContext, program: ProgramPlan): Promise<void> {
  const members = await membersOf(context, program);
  await Promise.all(members.map((member) => stopProgram(context, member.program)));
}
