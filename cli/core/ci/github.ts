/**
 * What GitHub Actions reads in the output of a step (docs.github.com, "Workflow commands"), and its step summary.
 *
 * - No text of a host, of a program or of deploy.yml is ever taken for a command.
 */
import type { SourcePlace } from "../../failure.ts";
import type { FailureReport } from "../report/failure-report.ts";
import { sanitize } from "../report/sanitize.ts";
import type { Table } from "../report/table.ts";

export function startGroup(title: string): string {
  return `::group::${escapeData(title)}`;
}

export const END_GROUP = "::endgroup::";

/** One line of a step's output; the runner shows it, and puts it beside the line of the file where it has a place. */
export function annotation(level: "error" | "warning", text: string, place?: SourcePlace): string {
  const at: [string, string | number][] =
    place === undefined
      ? []
      : [
          ["file", place.file],
          ["line", place.line],
          ["col", place.column],
        ];
  const properties = [...at, ["title", "zdr"] as const].map(([name, value]) => `${name}=${escapeProperty(`${value}`)}`);
  return `::${level} ${properties.join(",")}::${escapeData(sanitize(text))}`;
}

/**
 * A line that is only to be shown. The runner takes a line that begins with `::` for a command, and an older form, `##[`,
 * anywhere in it (actions/runner, ActionCommand.cs). .NET trims more than JavaScript's `\s` (U+0085), and passes over
 * characters without a width or a meaning when it compares.
 */
export function harmless(line: string): string {
  return line.replace(COMMAND, "$1: ").replace(OLD_COMMAND, "$1 ");
}

const COMMAND = /^([\s\p{C}\p{Default_Ignorable_Code_Point}]*):(?=[\p{C}\p{Default_Ignorable_Code_Point}]*:)/u;
const OLD_COMMAND = /(#[\p{C}\p{Default_Ignorable_Code_Point}]*#)(?=[\p{C}\p{Default_Ignorable_Code_Point}]*\[)/gu;

/** The same for whole text. For the runner a lone `\r` ends a line too (.NET, TextReader.ReadLine). */
export function harmlessLines(text: string): string {
  return text
    .split(/(\r\n|\r|\n)/)
    .map(harmless)
    .join("");
}

/** actions/toolkit, packages/core/src/command.ts */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

export interface SummaryParts {
  readonly verb: string;
  readonly tables: readonly Table[];
  readonly failures: readonly FailureReport[];
  readonly exit: number;
}

/** Markdown for $GITHUB_STEP_SUMMARY; empty where there is nothing to tell. */
export function summaryOf({ verb, tables, failures, exit }: SummaryParts): string {
  const shown = tables.filter(({ rows }) => rows.length > 0);
  if (shown.length === 0 && failures.length === 0) return "";
  const title = shown.find((table) => table.title !== undefined)?.title;
  const about = `zdr ${verb}${title === undefined ? "" : `: ${title}`}`;
  const ended = exit === 0 ? "done" : `failed (exit ${exit})`;
  return [`### ${cell(about)}: ${ended}`, "", ...shown.flatMap(tableLines), ...failures.flatMap(failureBlock), ""].join(
    "\n",
  );
}

function tableLines({ columns, rows }: Table): string[] {
  const used = columns.map((_, index) => rows.some((row) => (row[index] ?? "") !== ""));
  const shown = columns.flatMap((column, index) => (used[index] ? [{ column, index }] : []));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(shown.map(({ column }) => cell(column.title))),
    line(shown.map(({ column }) => (column.align === "right" ? "---:" : "---"))),
    ...rows.map((row) => line(shown.map(({ index }) => cell(row[index] ?? "")))),
    "",
  ];
}

/** A summary may have 1 MiB; a program's log may be long. */
const LOG_LINES = 200;

function failureBlock({ error, state = [], log = [], hints }: FailureReport): string[] {
  const log200 = log.slice(-LOG_LINES).map(sanitize);
  return [
    ...error.map((text) => `- **error:** ${cell(text)}`),
    ...state.map((text) => `- **state:** ${cell(text)}`),
    ...hints.map((text) => `- **hint:** ${cell(text)}`),
    "",
    ...(log200.length === 0 ? [] : ["<details><summary>log</summary>", "", ...fenced(log200), "", "</details>", ""]),
  ];
}

function fenced(lines: readonly string[]): string[] {
  const longest = Math.max(
    2,
    ...lines.map((line) => Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length))),
  );
  const fence = "`".repeat(longest + 1);
  return [`${fence}text`, ...lines, fence];
}

/** Text in a line of Markdown that is text and nothing else. */
function cell(text: string): string {
  return sanitize(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/[\\`*_{}[\]#|~@!]/g, (character) => `&#${character.charCodeAt(0)};`);
}
