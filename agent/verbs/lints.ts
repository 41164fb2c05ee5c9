/** What supervisor is told about the project's programs, and what of it would break a deploy. */
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { lintProgram } from "../core/lint.ts";
import { programNameOf } from "../core/section.ts";
import { configInfos } from "../io/config-infos.ts";
import { readProcess } from "../io/processes.ts";
import { sectionsOf } from "../io/supervisor-sections.ts";
import type { LintFinding, ProcessInfo, ProgramPlan } from "../protocol.ts";

export interface SupervisorFacts {
  readonly pid: number;
  readonly uid: number;
}

export async function supervisorFacts(context: HostContext): Promise<SupervisorFacts> {
  const pid = await context.supervisor.getPID();
  return { pid, uid: readProcess(pid)?.uid ?? 0 };
}

/** The findings about each program, by its name in deploy.yml. */
export async function lintPrograms(context: HostContext, facts: SupervisorFacts): Promise<Map<string, LintFinding[]>> {
  const configs = await configInfos(context.supervisor);
  const sections = sectionsOf(context.supervisor.address);
  const findings = new Map<string, LintFinding[]>();
  for (const program of context.project.programs) {
    findings.set(
      program.name,
      lintProgram({
        program,
        layout: context.layout,
        section: sections.get(`program:${programNameOf(program)}`),
        config: configs.get(program.process),
        supervisorIsRoot: facts.uid === 0,
      }),
    );
  }
  return findings;
}

/** Refuses what would break a program. Asked again right before an activation: facts may have changed since the survey. */
export async function refuseLints(context: HostContext): Promise<void> {
  const facts = await supervisorFacts(context);
  const findings = await lintPrograms(context, facts);
  for (const program of context.project.programs) {
    const refused = (findings.get(program.name) ?? []).filter((finding) => finding.level === "refuse");
    if (refused.length > 0)
      throw new AgentError({ reason: "program-refused", program: program.name, findings: refused });
    const info = await context.supervisor.getProcessInfo(program.process);
    refuseUnsafeSignal(program, info, facts);
  }
}

/**
 * A signal that supervisord has no right to send makes it lose track of the program, and supervisord itself ends when
 * that program does (process.py, finish()).
 */
function refuseUnsafeSignal(program: ProgramPlan, info: ProcessInfo, facts: SupervisorFacts): void {
  const uid = info.pid === 0 ? undefined : readProcess(info.pid)?.uid;
  if (facts.uid === 0 || uid === undefined || uid === facts.uid) return;
  throw new AgentError({
    ...{ reason: "signal-unsafe", program: program.name, pid: info.pid, uid, supervisorUid: facts.uid },
  });
}
