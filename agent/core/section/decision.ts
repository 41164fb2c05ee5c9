/**
 * What `setup` does about the section of one program:
 *
 *   supervisor runs by it already ........ leave
 *   … and it is zdr's own, and differs ... rewrite (of what runs supervisor adopts it only by stopping it: that is the operator's)
 *   something in it would break .......... refuse
 *   none there ........................... write, then add
 *   there, as wanted, not yet added ...... add
 *   there, otherwise, in zdr's own file .. write, then add
 *   there, otherwise, somebody else's .... refuse
 */

import type { ProgramPlan } from "../../wire/plan.ts";
import type { LintFinding } from "../../wire/program.ts";
import type { Layout } from "../layout.ts";
import { lintProgram } from "../lint.ts";
import { groupNameOf, programNameOf, type RenderedSection, renderSection } from "../section.ts";
import { type ConfigInfo, compareFacts, factsOfPlan, factsOfSection } from "./facts.ts";

export interface SectionInput {
  readonly program: ProgramPlan;
  readonly layout: Layout;
  readonly supervisorIsRoot: boolean;
  /** supervisorctl as it has to be called (supervisor/ctl.ts); absent: by its name alone. */
  readonly ctl?: string;
  /** Whether supervisor has the process; undefined: it could not be asked. */
  readonly isActive: boolean | undefined;
  readonly config: ConfigInfo | undefined;
  readonly processes?: number | undefined;
  readonly others?: readonly string[] | undefined;
  /** What the files say of it. */
  readonly section: OwnedSection | undefined;
}

interface OwnedSection {
  readonly values: ReadonlyMap<string, string>;
  /** It stands in the project's own file, which this user may write. */
  readonly isOwn: boolean;
}

export interface SectionDecision {
  readonly action: "leave" | "refuse" | "write" | "add" | "rewrite";
  readonly findings: readonly LintFinding[];
  /** With `write` and `rewrite`. */
  readonly rendered?: RenderedSection;
}

export function decideSection(input: SectionInput): SectionDecision {
  const { program, layout, isActive, section } = input;
  const isGone = isActive === false;
  // Of a group that is not active, getAllConfigInfo may tell what a file once said.
  const findings = lintProgram({ ...input, section: section?.values, config: isGone ? undefined : input.config });
  if (isActive === true) return decideActive(input, findings);
  if (section !== undefined && (!section.isOwn || isAsWanted(input, section.values))) {
    return { action: isRefused(findings) || differsElsewhere(input) ? "refuse" : "add", findings };
  }
  return decideToWrite(input, lintProgram({ program, layout, supervisorIsRoot: input.supervisorIsRoot }));
}

function decideActive(input: SectionInput, findings: readonly LintFinding[]): SectionDecision {
  const { program, layout, section, supervisorIsRoot, ctl = "supervisorctl" } = input;
  if (section?.isOwn !== true || isAsWanted(input, section.values)) return { action: "leave", findings };
  if (isRefused(lintProgram({ program, layout, supervisorIsRoot }))) return { action: "leave", findings };
  const group = groupNameOf(program);
  const text = `the section of ${group} now says what deploy.yml says, and supervisord still runs the one before`;
  const fix = `${ctl} update ${group}, which stops and starts it`;
  const pending: LintFinding = { rule: "section-pending", level: "refuse", text, fix };
  return { action: "rewrite", findings: [pending], rendered: renderSection(program, layout, input) };
}

function decideToWrite(input: SectionInput, findings: readonly LintFinding[]): SectionDecision {
  const { program, layout } = input;
  if (groupNameOf(program) !== programNameOf(program))
    return { action: "refuse", findings: [...findings, groupFinding(input)] };
  if (isRefused(findings)) return { action: "refuse", findings };
  return { action: "write", findings, rendered: renderSection(program, layout, input) };
}

function isAsWanted({ program, layout, supervisorIsRoot }: SectionInput, values: ReadonlyMap<string, string>): boolean {
  return compareFacts(factsOfPlan(program, layout, { supervisorIsRoot }), factsOfSection(values)).length === 0;
}

function differsElsewhere(input: SectionInput): boolean {
  return input.section !== undefined && !isAsWanted(input, input.section.values);
}

function isRefused(findings: readonly LintFinding[]): boolean {
  return findings.some((finding) => finding.level === "refuse");
}

function groupFinding({ program, ctl = "supervisorctl" }: SectionInput): LintFinding {
  const group = groupNameOf(program);
  return {
    rule: "group-unwritten",
    level: "refuse",
    text: `supervisor has no ${program.process}, and setup writes no [group:…] sections`,
    fix: `write [group:${group}] with its programs yourself and add it: ${ctl} reread && ${ctl} add ${group}`,
  };
}
