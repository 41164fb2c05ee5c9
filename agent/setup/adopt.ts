/**
 * A changed section comes to supervisord, where nothing runs by it.
 *
 * - What runs is never stopped for it: supervisord removes no group of which a process is not down.
 * - What was stopped is not started by it: supervisord starts what is added with autostart, so that is done only where there is
 *   no release yet, and what it tries in vain is stopped as after the first setup.
 */
import type { HostContext } from "../context.ts";
import { isDown } from "../core/decision.ts";
import { groupNameOf, programNameOf } from "../core/section.ts";
import { readCurrent } from "../io/current.ts";
import { configInfos, configOf } from "../io/supervisor/config-infos.ts";
import { FAULT, faultCode } from "../io/supervisor/supervisor.ts";
import { membersOf } from "../members/members.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { stopUntilDeployed } from "./first-stop.ts";
import { addGroup } from "./section-file.ts";

/** Whether its group can be removed and added with nothing that runs, or would run, noticing. */
export async function isIdle(context: HostContext, program: ProgramPlan): Promise<boolean> {
  const isAlone = groupNameOf(program) === programNameOf(program);
  if (!isAlone || (program.autostart && readCurrent(context.layout) !== undefined)) return false;
  const infos = await context.supervisor.getAllProcessInfo();
  return infos.every(({ group, statename }) => group !== groupNameOf(program) || isDown(statename));
}

/** After supervisord has read its config. False: something of the group has been started meanwhile, and runs on. */
export async function adoptSection(context: HostContext, program: ProgramPlan): Promise<boolean> {
  const group = groupNameOf(program);
  try {
    await context.supervisor.removeProcessGroup(group);
  } catch (error) {
    if (faultCode(error) === FAULT.STILL_RUNNING) return false;
    // Somebody else has removed it.
    if (faultCode(error) !== FAULT.BAD_NAME) throw error;
  }
  await addAndStop(context, program);
  return true;
}

/** A program that has no release to run is stopped again, and nothing else that somebody has put into its group. */
export async function addAndStop(context: HostContext, program: ProgramPlan): Promise<void> {
  await addGroup(context, groupNameOf(program));
  if (readCurrent(context.layout) !== undefined) return;
  const { others = [] } = configOf(program, context.layout, await configInfos(context.supervisor));
  const members = (await membersOf(context, program)).filter((member) => !others.includes(member.program.process));
  await Promise.all(members.map((member) => stopUntilDeployed(context, member.program)));
}
