/** What supervisor is told about the project's programs, and what of it would break a deploy. */
import { accountFor, type SupervisorFacts, supervisorFacts } from "../../activation/account.ts";
import { refuseUnsafeSignal, requireProof } from "../../activation/rights.ts";
import type { HostContext } from "../../context.ts";
import { AgentError } from "../../core/failure.ts";
import type { ProcessView } from "../../core/generation.ts";
import { workerFindings } from "../../core/lint/members.ts";
import { pidOneFindings } from "../../core/lint/pid-one.ts";
import { rootFindings } from "../../core/lint/root.ts";
import { successorFindings } from "../../core/lint/successors.ts";
import { lintProgram } from "../../core/lint.ts";
import { groupFindings } from "../../core/members/group.ts";
import { groupNameOf } from "../../core/section.ts";
import { supervisorctl } from "../../core/supervisor/ctl.ts";
import { bareNameOf } from "../../core/supervisor/status-text.ts";
import { configInfos, configOf } from "../../io/supervisor/config-infos.ts";
import { FAULT, faultCode } from "../../io/supervisor/supervisor.ts";
import { bySectionName, readSections, sectionOf } from "../../io/supervisor/supervisor-sections.ts";
import { changedFindings, keptFindings } from "../../kept/findings.ts";
import { keptDifferences } from "../../kept/spec.ts";
import { membersOf, viewMembers } from "../../members/members.ts";
import { inTheWay } from "../../orphans/orphans.ts";
import type { ProgramPlan } from "../../wire/plan.ts";
import type { LintFinding } from "../../wire/program.ts";
import { secretFindings } from "./secrets.ts";

/** The findings about each program, by its name in deploy.yml. All that is asked goes out at once: supervisord answers while files are read. */
export async function lintPrograms(
  context: HostContext,
  asked: SupervisorFacts | Promise<SupervisorFacts>,
): Promise<Map<string, LintFinding[]>> {
  const [facts, { configs, pending }, sections] = await Promise.all([
    asked,
    readConfig(context),
    readOwnSections(context),
  ]);
  const findings = new Map<string, LintFinding[]>();
  for (const program of context.project.programs) {
    const section = sectionOf(program, sections);
    const found = lintProgram({
      program,
      layout: context.layout,
      section: section?.values,
      ...configOf(program, context.layout, configs),
      supervisorIsRoot: facts.uid === 0,
      ctl: supervisorctl(context.supervisor.address.configPath),
    });
    const group = groupNameOf(program);
    const account = await accountFor(facts.uid, program);
    const uids = { supervisorPid: facts.pid, supervisorUid: facts.uid, programUid: account?.uid };
    const more = [
      ...(await inTheWay(context, program, facts.pid)),
      ...keptFindings(program, context.layout, account),
      ...pidOneFindings(program, uids),
      ...rootFindings(account?.uid, process.getuid?.() ?? 0),
      ...secretFindings(context, program, account, section?.file),
    ];
    findings.set(program.name, [...(pending.has(group) ? [notAdopted(context, group)] : []), ...more, ...found]);
  }
  return findings;
}

/** What supervisord had read last, and then what it reads now. */
async function readConfig(context: HostContext) {
  const configs = await configInfos(context.supervisor);
  return { configs, pending: await pendingGroups(context) };
}

/** Async for those who ask for other things with it: what it throws, they hear like all else. */
const readOwnSections = async ({ supervisor }: HostContext) => bySectionName(readSections(supervisor.address));

/** Groups whose section was changed since supervisord adopted it. Where the config can not be read, nothing is known. */
async function pendingGroups({ supervisor }: HostContext): Promise<ReadonlySet<string>> {
  try {
    return new Set((await supervisor.reloadConfig()).changed);
  } catch (error) {
    if (faultCode(error) === FAULT.CANT_REREAD) return new Set();
    throw error;
  }
}

/** What runs is what supervisord adopted, so what the files say proves nothing of it. */
function notAdopted({ supervisor }: HostContext, group: string): LintFinding {
  return {
    ...{ rule: "section-pending", level: "refuse" },
    text: `the section of ${group} was changed, and supervisord still runs the one before`,
    fix: `${supervisorctl(supervisor.address.configPath)} update ${group}, which stops and starts it`,
  };
}

/** Refuses what would break a program. Asked again right before an activation: facts may have changed since the survey. */
export async function refuseLints(context: HostContext): Promise<void> {
  const facts = await supervisorFacts(context);
  const findings = await lintPrograms(context, facts);
  for (const program of context.project.programs) {
    const refused = (findings.get(program.name) ?? []).filter((finding) => finding.level === "refuse");
    if (refused.length > 0)
      throw new AgentError({ reason: "program-refused", program: program.name, findings: refused });
  }
  await refuseWithoutRights(context);
}

/** Refuses programs that run in a way in which they can not be reloaded as they should. */
export async function refuseUnreloadable(context: HostContext): Promise<void> {
  for (const program of context.project.programs) {
    const findings = await reloadFindings(
      context,
      program,
      await viewMembers(context, await membersOf(context, program)),
    );
    if (findings.length > 0) throw new AgentError({ reason: "program-refused", program: program.name, findings });
  }
}

/**
 * What a restart would mend, and a reload would not. `processes`: those that run, none for a program that is down. `differs`:
 * keptDifferences, where they have been asked for already.
 */
export async function reloadFindings(
  context: HostContext,
  program: ProgramPlan,
  processes: readonly ProcessView[],
  differs?: readonly string[],
): Promise<LintFinding[]> {
  if (processes.length === 0) return [];
  const ofProcesses = [...successorFindings(program, processes), ...workerFindings(program, processes)];
  return [...ofProcesses, ...changedFindings(program, differs ?? (await keptDifferences(context, program)))];
}

/** Refuses programs that supervisor does not know, may not signal, or that can not be proved where that is required. */
export async function refuseWithoutRights(context: HostContext): Promise<void> {
  for (const program of context.project.programs) {
    for (const { program: member, info } of await membersOf(context, program)) {
      await refuseUnsafeSignal(context, member, info.pid);
      await requireProof(context, member, info);
    }
  }
}

/** Refuses programs that supervisor does not know or may not signal: what even a stop needs. */
export async function refuseUnsafeSignals(context: HostContext): Promise<void> {
  for (const program of context.project.programs) {
    for (const { program: member, info } of await membersOf(context, program)) {
      await refuseUnsafeSignal(context, member, info.pid);
    }
  }
}

/**
 * Refuses programs in whose group there is something else: a stop of theirs would stop it, too. That is so as well where it has been
 * taken out of the group's section and supervisord has only read that yet: it leaves the group by an update.
 */
export async function refuseMixedGroups(context: HostContext): Promise<void> {
  const { layout, project, supervisor } = context;
  const programs = project.programs.filter(({ members }) => members !== undefined);
  if (programs.length === 0) return;
  const configs = await configInfos(supervisor);
  const bareNames = new Set([...configs.keys()].map(bareNameOf));
  for (const program of programs) {
    const { others = [] } = configOf(program, layout, configs);
    const active = (await membersOf(context, program)).map((member) => member.program.process);
    const leaving = active.filter((name) => !configs.has(name) && bareNames.has(bareNameOf(name)));
    const ctl = supervisorctl(supervisor.address.configPath);
    const findings = groupFindings(program, [...others, ...leaving], ctl);
    if (findings.length > 0) throw new AgentError({ reason: "program-refused", program: program.name, findings });
  }
}
