/**
 * The project's sections come to supervisord without any other program noticing.
 *
 * - Only reloadConfig, which applies nothing, and add- and removeProcessGroup of the project's own groups are called. What other people
 *   have changed and not yet adopted stays as it is, and is told.
 * - A file that supervisord refuses, or does not read, is taken back before anything else happens.
 * - A section that supervisord knows is changed in zdr's own file alone, and adopted only where nothing runs by it (adopt.ts):
 *   else supervisord would stop the program for it.
 */
import type { HostContext } from "../context.ts";
import { memberGroup } from "../core/members/plan.ts";
import { decideSection, type SectionDecision } from "../core/section/decision.ts";
import { groupNameOf, type RenderedSection } from "../core/section.ts";
import { supervisorctl } from "../core/supervisor/ctl.ts";
import { configOf } from "../io/supervisor/config-infos.ts";
import type { ConfigChanges } from "../io/supervisor/supervisor.ts";
import { findSectionTarget, type SectionTarget, sectionOf } from "../io/supervisor/supervisor-sections.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { administratorStep, holdsEnvironment } from "./administrator.ts";
import { addAndStop, adoptSection, isIdle } from "./adopt.ts";
import type { SetupReport } from "./report.ts";
import { placeSections, readChanges } from "./section-file.ts";
import type { SupervisorView } from "./supervisor-view.ts";

interface Decided extends SectionDecision {
  readonly program: ProgramPlan;
  /** supervisor's group: what is added. */
  readonly group: string;
  /** Its section stands in zdr's own file. */
  readonly isOwn: boolean;
}

/** @throws AgentError supervisor-config where supervisord does not take the sections; nothing of them is left then. */
export async function setUpSections(context: HostContext, view: SupervisorView, report: SetupReport): Promise<void> {
  const target = view.files && findSectionTarget(view.files, context.project.project);
  const decided = context.project.programs.map((program) => decide(context, view, target, program));
  const idle = view.spoken === undefined ? [] : await idleOf(context, decided);
  for (const one of decided) {
    // What is about to be written anew is judged when supervisord has read it.
    const isRewritten = one.action === "rewrite" && !report.dryRun;
    if (!idle.includes(one) && !isRewritten) tellFindings(one, report);
    if (one.action === "leave") report.done.push(`supervisor has ${one.program.process}`);
  }
  const rendered = decided.flatMap((one) => one.rendered ?? []);
  const own = decided.filter(({ action }) => action === "write" || action === "add");
  const isFree = target?.isWritable === true && target.state !== "foreign";
  if (rendered.length > 0 && (view.spoken === undefined || !isFree)) {
    const groups = [...new Set(own.map(({ group }) => group))];
    report.administrator.push(administratorStep(context, target, rendered, groups, view.uid));
  } else if (view.spoken !== undefined && report.dryRun) {
    if (rendered.length > 0) tellWritten(target, rendered, report);
    for (const { group } of own) report.did("added", `${group} to supervisor`);
    for (const one of idle) {
      if (one.action === "rewrite") tellAdopted(one.group, report);
      else tellFindings(one, report);
    }
  } else if (view.spoken !== undefined) {
    const before = await readChanges(context);
    const isIn = (group: string, list: readonly Decided[]) => list.some((one) => one.group === group);
    // With nothing to add, what other people have not adopted is none of setup's business.
    tellPending(
      before,
      (group) => !isIn(group, idle) && (own.length > 0 ? !isIn(group, own) : isIn(group, decided)),
      context,
      report,
    );
    const isWriting = rendered.length > 0 && target !== undefined;
    const after = isWriting
      ? await placeSections(context, target, rendered, groupsToRewrite(decided), fileMode(context, view))
      : before;
    if (isWriting) tellWritten(target, rendered, report);
    for (const one of decided) {
      if (one.action === "rewrite" && !idle.includes(one) && isPending(one, after)) tellFindings(one, report);
    }
    await addOwn(context, after, own, report);
    await adoptIdle(context, after, idle, report);
  }
}

const groupsToRewrite = (decided: readonly Decided[]) =>
  new Set(decided.flatMap(({ action, group }) => (action === "rewrite" ? [group] : [])));

/** supervisord has read another section than it runs. One that was changed back is none. */
const isPending = ({ group }: Decided, { changed }: ConfigChanges) => changed.includes(group);

function tellFindings({ program, findings }: Decided, report: SetupReport): void {
  for (const finding of findings) report.findings.push({ program: program.name, finding });
}

function tellAdopted(group: string, report: SetupReport): void {
  report.did("changed", `${group} in supervisor to its new section: nothing of it runs`);
}

/** Those that supervisord knows by a section of zdr's own, and may know by another one. */
async function idleOf(context: HostContext, decided: readonly Decided[]): Promise<readonly Decided[]> {
  const idle: Decided[] = [];
  for (const one of decided) {
    const isKnown = one.action === "rewrite" || (one.action === "leave" && one.isOwn);
    if (isKnown && (await isIdle(context, one.program))) idle.push(one);
  }
  return idle;
}

async function adoptIdle(
  context: HostContext,
  changes: ConfigChanges,
  idle: readonly Decided[],
  report: SetupReport,
): Promise<void> {
  for (const one of idle) {
    if (isPending(one, changes) && (await adoptSection(context, one.program))) tellAdopted(one.group, report);
    else if (one.action !== "rewrite" || isPending(one, changes)) tellFindings(one, report);
  }
}

function decide(
  { layout, supervisor }: HostContext,
  view: SupervisorView,
  target: SectionTarget | undefined,
  program: ProgramPlan,
): Decided {
  const section = sectionOf(program, view.sections);
  const isOwn = section !== undefined && target?.state === "own" && target.isWritable && section.file === target.path;
  const decision = decideSection({
    program,
    layout,
    supervisorIsRoot: view.uid === 0,
    ctl: supervisorctl(supervisor.address.configPath),
    isActive: view.spoken && isActive(program, view.spoken.active),
    ...(view.spoken ? configOf(program, layout, view.spoken.configs) : { config: undefined }),
    section: section && { values: section.values, isOwn },
  });
  return { ...decision, program, isOwn, group: groupNameOf(program) };
}

function isActive(program: ProgramPlan, active: ReadonlySet<string>): boolean {
  const group = memberGroup(program);
  return group === undefined ? active.has(program.process) : [...active].some((name) => name.split(":")[0] === group);
}

function tellWritten(
  target: SectionTarget | undefined,
  rendered: readonly RenderedSection[],
  report: SetupReport,
): void {
  report.did("wrote", `${rendered.map(({ name }) => `[${name}]`).join(", ")} to ${target?.path ?? ""}`);
}

async function addOwn(
  context: HostContext,
  changes: ConfigChanges,
  own: readonly Decided[],
  report: SetupReport,
): Promise<void> {
  for (const { group, program } of own) {
    if (!changes.added.includes(group)) continue;
    report.did("added", `${group} to supervisor`);
    await addAndStop(context, program);
  }
}

/** An environment may hold secrets, so its file is closed where supervisord reads it all the same. */
function fileMode({ project }: HostContext, { uid }: SupervisorView): number {
  return holdsEnvironment(project.programs) && (uid === 0 || uid === process.getuid?.()) ? 0o600 : 0o644;
}

function tellPending(
  changes: ConfigChanges,
  isTold: (group: string) => boolean,
  { supervisor }: HostContext,
  report: SetupReport,
): void {
  const pending = [
    ...changes.added.map((group) => ({ group, what: "is in its config and not added" })),
    ...changes.changed.map((group) => ({ group, what: "has a changed config, adopted only by a restart" })),
    ...changes.removed.map((group) => ({ group, what: "is no longer in its config" })),
  ];
  for (const { group, what } of pending.filter((one) => isTold(one.group))) {
    const text = `supervisor has not adopted a change, and setup leaves that alone: ${group} ${what}`;
    const fix = `${supervisorctl(supervisor.address.configPath)} update ${group}`;
    report.findings.push({ program: group, finding: { rule: "pending-change", level: "warn", text, fix } });
  }
}
