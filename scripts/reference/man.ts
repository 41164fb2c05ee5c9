/** zdr(1), as roff with the macros of man(7). */
import { argumentText, type FlagInfo, type ProgramTree, type VerbInfo } from "../../cli/core/reference/tree.ts";

export function manPage(tree: ProgramTree, version: string): string {
  return [
    '.\\" Made by scripts/reference-docs.ts',
    `.TH ZDR 1 "" "zdr ${roff(version)}" "User Commands"`,
    ".SH NAME",
    "zdr \\- deploy builds to hosts under supervisord",
    ".SH SYNOPSIS",
    ".B zdr",
    "\\fIVERB\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]",
    ".SH DESCRIPTION",
    line(tree.description),
    ".SH OPTIONS",
    ...tree.flags.flatMap(flagEntry),
    ".SH VERBS",
    ...tree.verbs.flatMap(verbEntry),
    ".SH EXIT STATUS",
    ...verbatim(tree.exitCodes.replace(/^Exit codes:\n/, "")),
    ".SH FILES",
    ".TP",
    ".I deploy.yml",
    "What is deployed where, in the working folder; also deploy.yaml or config/deploy.yml.",
    ".SH SEE ALSO",
    ".BR supervisorctl (1),",
    ".BR ssh (1)",
    "",
  ].join("\n");
}

function verbEntry(verb: VerbInfo): string[] {
  const { name, summary, flags, examples, exitCodes } = verb;
  const usage = [`zdr ${name}`, ...(flags.length > 1 ? ["[options]"] : []), ...verb.arguments.map(argumentText)].join(
    " ",
  );
  return [
    `.SS "${roff(usage).replaceAll('"', '""')}"`,
    line(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`),
    ...verb.arguments.flatMap(({ name: argument, help }) => [".TP", `.I ${roff(argument)}`, line(help)]),
    ...flags.filter(({ long }) => long !== "--help").flatMap(flagEntry),
    ".PP",
    "Examples:",
    ...verbatim(examples.join("\n")),
    ...(exitCodes === "" ? [] : verbatim(exitCodes)),
  ];
}

function flagEntry({ short, long, value, help }: FlagInfo): string[] {
  const names = [short, long].filter((name) => name !== undefined).map((name) => `\\fB${roff(name)}\\fR`);
  const inner = value === undefined ? "" : ` \\fI${roff(value.replace(/[<>[\]]/g, ""))}\\fR`;
  return [".TP", `${names.join(", ")}${inner}`, line(help)];
}

function verbatim(text: string): string[] {
  return [".RS 4", ".nf", ...text.split("\n").map(line), ".fi", ".RE"];
}

/** groff_man(7): a line that begins with a dot or a quote would be a request. */
function line(text: string): string {
  return roff(text).replace(/^(?=[.'])/, "\\&");
}

function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti");
}
