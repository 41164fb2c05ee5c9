/**
 * A group that somebody has put other programs into, by a `[group:x]` section: supervisor names its processes alike whichever section
 * they are of. Members of one program have one command; whoever has another one is none.
 */
import type { ProgramPlan } from "../../wire/plan.ts";
import type { LintFinding } from "../../wire/program.ts";
import type { Layout } from "../layout.ts";
import { splitCommand } from "../section/quoting.ts";
import { groupNameOf, programNameOf, wantedCommand } from "../section.ts";
import { bareNameOf } from "../supervisor/status-text.ts";

type Entry<Info> = readonly [name: string, info: Info];

/**
 * Of all that stands in the program's group. Where nothing has the command that deploy.yml wants, because it has changed since, the first
 * counts as the program's own that is named after it, as supervisor names the processes of a section.
 */
export function tellMembers<Info extends { readonly command: string }>(
  program: ProgramPlan,
  layout: Layout,
  group: readonly Entry<Info>[],
): { readonly own: readonly Entry<Info>[]; readonly others: readonly string[] } {
  const wanted = wantedCommand(program, layout).join("\0");
  const isWanted = ([, { command }]: Entry<Info>) => splitCommand(command)?.join("\0") === wanted;
  const isNamed = ([name]: Entry<Info>) => bareNameOf(name).startsWith(programNameOf(program));
  const first = group.find(isWanted) ?? group.find(isNamed) ?? group[0];
  const isOwn = ([, { command }]: Entry<Info>) => command === first?.[1].command;
  return { own: group.filter(isOwn), others: group.filter((entry) => !isOwn(entry)).map(([name]) => name) };
}

/** `others`: processes of the program's group that are no members of it. */
export function groupFindings(
  program: ProgramPlan,
  others: readonly string[] = [],
  ctl = "supervisorctl",
): LintFinding[] {
  if (others.length === 0) return [];
  const group = groupNameOf(program);
  const [verb, pronoun] = others.length === 1 ? ["is", "it"] : ["are", "them"];
  return [
    {
      ...{ rule: "group-mixed", level: "refuse" },
      text: `${others.join(", ")} ${verb} in supervisor's group ${group}, too, with another command: ${program.process} would stop and restart ${pronoun}`,
      fix: `take ${pronoun} out of [group:${group}], since a program with members needs a group of its own; then: ${ctl} update ${group}, which starts the group anew`,
    },
  ];
}
