/**
 * Mistakes in a supervisor section that make a reload lose requests, keep the old release, or end the program; each was
 * seen to do so. `refuse`: a deploy would break the program or change nothing; `warn`: it would be worse than it needs to be.
 *
 * What is judged is what supervisord read last and what its files say; where it does not know the program yet, what
 * `setup` would write. What can not be read is not guessed about.
 */

import type { ProgramPlan } from "../wire/plan.ts";
import type { LintFinding } from "../wire/program.ts";
import type { Layout } from "./layout.ts";
import { COMMAND_RULES, planWords } from "./lint/command.ts";
import { LISTEN_RULES } from "./lint/listen.ts";
import { MEMBER_RULES } from "./lint/members.ts";
import { PRESET_RULES } from "./lint/presets.ts";
import { refuse, type Subject, warn } from "./lint/subject.ts";
import { VALUE_RULES } from "./lint/values.ts";
import { groupFindings } from "./members/group.ts";
import { presetLints } from "./presets.ts";
import {
  type ConfigInfo,
  compareFacts,
  factsOfConfig,
  factsOfPlan,
  factsOfSection,
  type SectionFacts,
} from "./section/facts.ts";
import { groupNameOf, sectionProblems } from "./section.ts";

export interface LintInput {
  readonly program: ProgramPlan;
  readonly layout: Layout;
  /** Raw values of its section by lower-case key; absent: no section, or not readable. */
  readonly section?: ReadonlyMap<string, string> | undefined;
  /** Its entry of getAllConfigInfo, of one of its processes; absent: supervisord does not know it. */
  readonly config?: ConfigInfo | undefined;
  /** How many processes of it supervisord has read. */
  readonly processes?: number | undefined;
  /** What else supervisord has read into its group. */
  readonly others?: readonly string[] | undefined;
  readonly supervisorIsRoot: boolean;
  /** supervisorctl as it has to be called (supervisor/ctl.ts); absent: by its name alone. */
  readonly ctl?: string;
}

/** All findings about one program, the refusals first. An empty list: in order. */
export function lintProgram(input: LintInput): LintFinding[] {
  const { program, layout } = input;
  const wanted = factsOfPlan(program, layout, input);
  const found = foundFacts(input);
  const subject: Subject = { program, layout, facts: found ?? wanted };
  const rules = [
    ...COMMAND_RULES,
    ...VALUE_RULES,
    ...LISTEN_RULES,
    ...MEMBER_RULES,
    ...presetLints(program.reload.preset).map((lint) => PRESET_RULES[lint]),
  ];
  const findings = [
    ...groupFindings(program, input.others, input.ctl),
    ...planWords(subject),
    ...(found === undefined ? sectionProblems(program, layout) : differences(input, wanted, found)),
    ...rules.flatMap((rule) => rule(subject)),
  ];
  return [...findings.filter((one) => one.level === "refuse"), ...findings.filter((one) => one.level === "warn")];
}

/** What is known of the section that supervisor has; undefined: it has none, or none that can be read. */
export function foundFacts(input: Pick<LintInput, "config" | "section" | "processes">): SectionFacts | undefined {
  if (input.config !== undefined) return factsOfConfig(input.config, input.section, input.processes);
  return input.section === undefined ? undefined : factsOfSection(input.section);
}

/** One finding about a section that is not what deploy.yml says, whatever differs: there is one remedy. */
function differences(
  { program, ctl = "supervisorctl" }: LintInput,
  wanted: SectionFacts,
  found: SectionFacts,
): LintFinding[] {
  const all = compareFacts(wanted, found);
  const adopt = `${ctl} reread && ${ctl} update ${groupNameOf(program)}`;
  const fix = `make deploy.yml say the same, or have the section written anew: zdr setup; supervisor adopts it by a restart: ${adopt}`;
  if (all.length === 0) return [];
  const level = all.some(({ isEssential }) => isEssential) ? refuse : warn;
  const texts = [...all.filter((one) => one.isEssential), ...all.filter((one) => !one.isEssential)];
  return [level("section-differs", `supervisor's section differs: ${texts.map(({ text }) => text).join("; ")}`, fix)];
}
