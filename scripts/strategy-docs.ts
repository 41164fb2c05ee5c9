/**
 * Makes the tables of docs/strategies.md from test/results/: no number in them is typed. With `--check` it only says
 * whether they are what the results say.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formatMs } from "../cli/core/report/units.ts";
import { BAD_RELEASES, COMPARED, resultNameOf } from "../test/support/story/catalog.ts";
import type { Losses } from "../test/support/story/losses.ts";
import type { Call, Comparison, Growth, SoakResult, StrategyResult } from "../test/support/story/results.ts";

const RESULTS = fileURLToPath(new URL("../test/results/", import.meta.url));
const PAGE = fileURLToPath(new URL("../docs/strategies.md", import.meta.url));

/** In the order of the catalog; a program that was not measured has none. */
function resultsOf<T>(folder: "strategies" | "soak"): T[] {
  const files = COMPARED.map((entry) => `${RESULTS}${folder}/${resultNameOf(entry)}.json`);
  return files.filter((file) => existsSync(file)).map((file) => JSON.parse(readFileSync(file, "utf8")) as T);
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(titles), `|${titles.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

function when(results: readonly { readonly measured: string; readonly machine: string }[]): string {
  const days = [...new Set(results.map(({ measured }) => measured.slice(0, 10)))].sort();
  const span = days.length > 1 ? `${days[0]} to ${days.at(-1)}` : `${days[0] ?? "never"}`;
  return `Measured ${span} on ${[...new Set(results.map(({ machine }) => machine))].join("; ")}.`;
}

function comparisons(results: readonly StrategyResult[]): string {
  const titles = [
    ...["preset", "the call in flight", "a call afterwards", "processes that serve", "supervisor's pid"],
    ...["ready after", "old gone after", "gap"],
  ];
  return table(titles, results.map(comparisonRow));
}

function comparisonRow({ preset, comparison }: StrategyResult): string[] {
  const { oldCall, newCall, before, after, supervised, readyMs, oldGoneMs, gapMs } = comparison;
  const pid = supervised.before === supervised.after ? "kept" : "another";
  return [
    ...[`\`${preset}\``, callWords(oldCall), callWords(newCall), pidWords(before, after), pid],
    ...[formatMs(readyMs), oldGoneMs === undefined ? "" : formatMs(oldGoneMs)],
    gapMs === undefined ? "none" : formatMs(gapMs),
  ];
}

function callWords({ status, release }: Call): string {
  return status === undefined ? "**cut**" : `${status}, ${release ?? "?"}`;
}

function pidWords(before: Comparison["before"], after: Comparison["after"]): string {
  const list = (pids: readonly number[]) => (pids.length === 0 ? "?" : pids.join(", "));
  return `${list(before)} → ${list(after)}`;
}

function losses(results: readonly StrategyResult[]): string {
  const rows = results.map(({ preset, losses: found }) => [
    `\`${preset}\``,
    ...BAD_RELEASES.map((flaw) => lossWords(found[flaw])),
  ]);
  return table(["preset", ...BAD_RELEASES], rows);
}

function lossWords(lost: Losses | undefined): string {
  if (lost === undefined) return "";
  const { failed, sent, refused, silenceMs } = lost;
  if (failed === 0) return silenceMs < WAITED_MS ? "0" : `0, waited ${formatMs(silenceMs)}`;
  return `${failed} of ${sent} (${refused} refused), ${formatMs(silenceMs)}`;
}

/** A machine that has other work is silent for shorter times by itself. */
const WAITED_MS = 1_000;

function soaks(results: readonly SoakResult[]): string {
  const titles = [
    ...["preset", "reloads", "requests", "failed", "ready: median, longest", "old gone: median, longest"],
    ...["memory of supervisor's process", "its open files"],
  ];
  const rows = results.map(({ preset, reloads, requests, failed, readyMs, oldGoneMs, supervised }) => [
    ...[`\`${preset}\``, String(reloads), String(requests), String(failed)],
    ...[readyMs, oldGoneMs].map(({ median, max }) => `${formatMs(median)}, ${formatMs(max)}`),
    growthWords(supervised.privateKb, (kb) => `${(kb / 1024).toFixed(1)} MB`),
    growthWords(supervised.descriptors, String),
  ]);
  return table(titles, rows);
}

function growthWords({ before, after }: Growth, format: (value: number) => string): string {
  return `${format(before)} → ${format(after)}`;
}

const strategies = resultsOf<StrategyResult>("strategies");
const soaked = resultsOf<SoakResult>("soak");
const PARTS: Readonly<Record<string, string>> = {
  comparison: `${comparisons(strategies)}\n\n${when(strategies)}`,
  losses: losses(strategies),
  soak: `${soaks(soaked)}\n\n${when(soaked)}`,
};

const page = readFileSync(PAGE, "utf8");
const made = page.replace(
  /(<!-- made by scripts\/strategy-docs\.ts: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
  (_, head: string, name: string, end: string) => `${head}\n${PARTS[name] ?? ""}\n\n${end}`,
);
const missing = Object.keys(PARTS).filter((name) => !made.includes(`strategy-docs.ts: ${name} -->`));
if (missing.length > 0) throw new Error(`docs/strategies.md has no place for: ${missing.join(", ")}`);
if (!process.argv.includes("--check")) writeFileSync(PAGE, made);
else if (made !== page) {
  process.stderr.write("docs/strategies.md is not what test/results say: run scripts/strategy-docs.ts\n");
  process.exitCode = 1;
}
