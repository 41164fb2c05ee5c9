/** What the members of a program were before anything was done, and the way back to that. */
import type { Activation, Before } from "../activation/activation.ts";
import type { Brought } from "../activation/bring.ts";
import { acceptingPids } from "../activation/ready.ts";
import { askToStart, infoOf, stopProgram } from "../activation/supervised.ts";
import type { HostContext } from "../context.ts";
import { releaseRun } from "../core/generation.ts";
import { markLog } from "../io/program-log.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { isOn, restingMembers, settleMembers } from "./bring.ts";
import { membersOf, summaryOf, viewMembers } from "./members.ts";

/** `up`: names of members that ran before a command that died; absent: those that run now did. */
export async function lookAtMembers(
  context: HostContext,
  program: ProgramPlan,
  up: readonly string[] | undefined,
): Promise<Before> {
  const found = await restingMembers(context, program);
  const members: Before[] = [];
  for (const member of found) {
    const { program: plan, info } = member;
    const wasUp = up === undefined ? info.statename === "RUNNING" : up.includes(plan.name);
    const views = await viewMembers(context, [member]);
    const was = { release: releaseRun(views), serving: acceptingPids(views), workerLifeMs: undefined };
    members.push({ program: plan, info, wasUp, ...was, log: markLog(plan.process, info), kept: undefined });
  }
  const views = await viewMembers(context, found);
  const was = { release: releaseRun(views), serving: acceptingPids(views), workerLifeMs: undefined };
  const wasUp = members.some((member) => member.wasUp);
  return { program, info: summaryOf(found), wasUp, ...was, log: undefined, kept: undefined, members };
}

/**
 * Back to what there was: those that ran run the old release again, and only then the others are stopped. One that still
 * runs the old release is left alone, so that a release which failed before it took anything over costs nothing.
 */
export async function bringMembersBack(
  { context, order }: Activation,
  { program, members = [] }: Before,
  previous: string,
  bringOld: (context: HostContext, before: Before, tag: string) => Promise<Brought>,
): Promise<Brought> {
  const at = context.now();
  const before = await viewMembers(context, await membersOf(context, program));
  const parts: Brought[] = [];
  const failures: unknown[] = [];
  for (const member of await downFirst(context, members)) {
    if (!member.wasUp) continue;
    // What a dead agent's successor found is not what there was before.
    const isLeft = order.resumed === undefined ? isUntouched(context, member) : isStillOn(context, member, previous);
    if (await isLeft) continue;
    await bringOld(context, member, previous).then(
      (part) => parts.push(part),
      (error: unknown) => failures.push(error),
    );
  }
  // Whoever still answers is not taken away where nobody came back.
  if (failures.length > 0 && failures.length === members.filter(({ wasUp }) => wasUp).length) throw failures[0];
  for (const { program: plan, info, wasUp } of members) {
    if (wasUp) continue;
    await stopProgram(context, plan);
    // Supervisor was trying to start it, and goes on trying; that it succeeds is nobody's promise.
    if (info.statename === "BACKOFF") await askToStart(context, plan).catch(() => undefined);
  }
  if (failures.length > 0) throw failures[0];
  return settleMembers(context, program, previous, { at, before, parts });
}

/** Supervisor holds the very process of before: it runs what it ran, and need not be looked into. */
async function isUntouched(context: HostContext, { program, info }: Before): Promise<boolean> {
  const now = await infoOf(context, program);
  return now.statename === "RUNNING" && now.pid === info.pid && now.start === info.start;
}

async function isStillOn(context: HostContext, { program }: Before, previous: string): Promise<boolean> {
  const { statename, pid } = await infoOf(context, program);
  return statename === "RUNNING" && isOn(context, program, pid, previous);
}

/** One that is down takes nothing away from anybody when it is started. */
async function downFirst(context: HostContext, members: readonly Before[]): Promise<readonly Before[]> {
  const down: Before[] = [];
  const others: Before[] = [];
  for (const member of members) {
    const { statename } = await infoOf(context, member.program);
    (statename === "RUNNING" ? others : down).push(member);
  }
  return [...down, ...others];
}
