/** docs/reference.md: every verb with its flags, and every key of deploy.yml. */
import type { KeyInfo } from "../../cli/core/reference/keys.ts";
import {
  argumentText,
  type FlagInfo,
  flagText,
  type ProgramTree,
  type VerbInfo,
} from "../../cli/core/reference/tree.ts";

const HEAD = `# Reference

Made by \`scripts/reference-docs.ts\` from the command line and from the schema of deploy.yml; \`zdr VERB --help\` and \`zdr explain KEY\` say the same.
`;

export function referencePage(tree: ProgramTree, keys: readonly KeyInfo[]): string {
  const common = commonFlags(tree);
  return [
    HEAD,
    "## Verbs\n",
    ...tree.verbs.map(({ name, summary }) => `- [\`zdr ${name}\`](#zdr-${name}): ${text(summary)}`),
    "",
    "### What most verbs take\n",
    ...flagTable(common),
    ...codeBlock(tree.exitCodes),
    ...tree.verbs.flatMap((verb) => verbSection(verb, common)),
    "## deploy.yml\n",
    "`*` stands for a name of your own, or for any item of a list.\n",
    "| key | what it is for | what it may be | if left out |",
    "|---|---|---|---|",
    ...keys.map(keyRow),
    "",
  ].join("\n");
}

/** What all verbs take that know of hosts. */
function commonFlags({ verbs }: ProgramTree): readonly FlagInfo[] {
  const [first, ...rest] = verbs.filter(({ flags }) => flags.some(({ long }) => long === "--host"));
  return first?.flags.filter(({ long }) => rest.every(({ flags }) => flags.some((flag) => flag.long === long))) ?? [];
}

function verbSection(verb: VerbInfo, common: readonly FlagInfo[]): string[] {
  const { name, summary, examples, exitCodes } = verb;
  const own = verb.flags.filter((flag) => !includesFlag(common, flag));
  const usage = [
    "zdr",
    name,
    ...(verb.flags.length > 1 ? ["[options]"] : []),
    ...verb.arguments.map(argumentText),
  ].join(" ");
  return [
    `### zdr ${name}\n`,
    `${text(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)}${commonWords(verb, common)}\n`,
    ...codeBlock(usage),
    ...verb.arguments.map((argument) => `- \`${argumentText(argument)}\`: ${text(argument.help)}`),
    ...(verb.arguments.length === 0 ? [] : [""]),
    ...flagTable(own),
    ...codeBlock(examples.join("\n")),
    ...(exitCodes === "" ? [] : codeBlock(exitCodes)),
  ];
}

/** Which of those that most verbs take; all of them have a help. */
function commonWords({ flags }: VerbInfo, common: readonly FlagInfo[]): string {
  const taken = common.filter((flag) => includesFlag(flags, flag));
  if (taken.length === common.length) return " Takes what most verbs take.";
  const names = taken.filter(({ long }) => long !== "--help").map(({ long }) => code(long));
  return names.length === 0 ? "" : ` Of what most verbs take: ${names.join(", ")}.`;
}

const includesFlag = (flags: readonly FlagInfo[], { long }: FlagInfo) => flags.some((flag) => flag.long === long);

function flagTable(flags: readonly FlagInfo[]): string[] {
  if (flags.length === 0) return [];
  return [
    "| flag | does |",
    "|---|---|",
    ...flags.map((flag) => `| ${code(flagText(flag))} | ${text(flag.help)} |`),
    "",
  ];
}

function keyRow({ path, help, type, isRequired, default: written }: KeyInfo): string {
  const left = isRequired ? "must be given" : written === undefined ? "" : code(written);
  return `| ${code(path)} | ${text(help)} | ${text(type)} | ${left} |`;
}

const codeBlock = (lines: string) => ["```", lines, "```", ""];
const code = (words: string) => `\`${words.replaceAll("|", "\\|")}\``;

/** A word in angle brackets would be HTML, a star between two would be emphasis, and a bar ends a cell. */
function text(words: string): string {
  return words.replace(/[<>*|]/g, (character) => `\\${character}`);
}
