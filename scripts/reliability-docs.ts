/**
 * Makes the tables of docs/reliability.md from test/results/: no number in them is typed. With `--check` it only says
 * whether they are what the results say.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FAULT_NAMES } from "../test/support/crash/faults.ts";
import type { CrashMatrix, CrashRow } from "../test/support/crash/results.ts";
import type { FuzzResult } from "../test/support/fuzz/fuzz.ts";

const RESULTS = fileURLToPath(new URL("../test/results/", import.meta.url));
const PAGE = fileURLToPath(new URL("../docs/reliability.md", import.meta.url));
/** The program of which every moment is shown: the one that CI disturbs. */
const SHOWN = "go-overseer";

function resultsOf<T>(folder: "crash" | "fuzz"): T[] {
  const path = `${RESULTS}${folder}`;
  const files = existsSync(path) ? readdirSync(path).sort() : [];
  return files.map((file) => JSON.parse(readFileSync(`${path}/${file}`, "utf8")) as T);
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(titles), `|${titles.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

function matrixTable(matrices: readonly CrashMatrix[]): string {
  const titles = [
    "program",
    "moments",
    "cases",
    "all as it has to be",
    "requests",
    "failed",
    "looks at `current`",
    "took",
  ];
  return table([...titles, "measured"], matrices.map(matrixRow));
}

function matrixRow({ preset, rows, cases, right, requests, failed, looks, seconds, hosts, ...rest }: CrashMatrix) {
  const took = `${Math.ceil(seconds / 60)} min, ${hosts} hosts at a time`;
  const counts = [rows.length, cases, right, requests, failed, looks].map((count) => count.toLocaleString("en"));
  return [`\`${preset}\``, ...counts, took, `${rest.measured.slice(0, 10)}, ${rest.machine}`];
}

function momentTable({ rows }: CrashMatrix): string {
  const titles = ["command", "after", ...FAULT_NAMES, "requests", "failed"];
  return table(titles, rows.map(momentRow));
}

function momentRow({ verb, moment, exits, requests, failed }: CrashRow): string[] {
  const codes = FAULT_NAMES.map((fault) => `${exits[fault] ?? "-"}`);
  return [verb, moment.replace(/ #1$/, ""), ...codes, `${requests}`, `${failed}`];
}

function fuzzTable(results: readonly FuzzResult[]): string {
  const rows = results.flatMap(({ parser, tests, measured }) =>
    tests.map(({ title, cases, longestMs, measured: own = measured }) => [
      ...[parser, title.replaceAll("|", "\\|"), cases.toLocaleString("en")],
      ...[longestMs === undefined ? "" : `${longestMs} ms`, own.slice(0, 10)],
    ]),
  );
  return table(["parser", "what holds", "cases", "the longest", "measured"], rows);
}

const matrices = resultsOf<CrashMatrix>("crash");
const shown = matrices.find(({ sample }) => sample === SHOWN);
const PARTS: Readonly<Record<string, string>> = {
  matrices: matrixTable(matrices),
  moments: shown === undefined ? "Not measured yet." : momentTable(shown),
  fuzz: fuzzTable(resultsOf<FuzzResult>("fuzz")),
};

const page = readFileSync(PAGE, "utf8");
const made = page.replace(
  /(<!-- made by scripts\/reliability-docs\.ts: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
  (_, head: string, name: string, end: string) => `${head}\n${PARTS[name] ?? ""}\n\n${end}`,
);
const missing = Object.keys(PARTS).filter((name) => !made.includes(`reliability-docs.ts: ${name} -->`));
if (missing.length > 0) throw new Error(`docs/reliability.md has no place for: ${missing.join(", ")}`);
if (!process.argv.includes("--check")) writeFileSync(PAGE, made);
else if (made !== page) {
  process.stderr.write("docs/reliability.md is not what test/results say: run scripts/reliability-docs.ts\n");
  process.exitCode = 1;
}
