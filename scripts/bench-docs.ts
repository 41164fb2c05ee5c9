/**
 * Makes docs/performance.md from test/bench/results/*.json: no number in it is typed. With `--check` it only says whether
 * the page is what the results say.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Figure, Result, Row } from "./bench-result.ts";

const RESULTS = fileURLToPath(new URL("../test/bench/results/", import.meta.url));
const PAGE = fileURLToPath(new URL("../docs/performance.md", import.meta.url));
/** The order in which people want to know. */
const ORDER = ["whole-deploy", "tree", "fleet", "cold-start", "start", "disk", "keeper", "keeper-reload"];

const HEAD = `# Performance

Made by \`scripts/bench-docs.ts\` from the results of \`make bench\`, which measures zdr against what it takes the place of: both
sides in turn (A B A B …) in one run, each a new process over a new connection to a private sshd, destination on tmpfs unless it
says disk. Medians; the ratio is zdr's median to the other's. A limit that is missed is marked, not left out. Of the keeper, both
sides are on this machine alone: what its program answers, and how soon a new release answers first.
`;

function resultNames(): string[] {
  const names = readdirSync(RESULTS).map((file) => file.replace(/\.json$/, ""));
  return names.sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
}

function section(name: string): string {
  const { machine, rows, figures } = JSON.parse(readFileSync(`${RESULTS}${name}.json`, "utf8")) as Result;
  const { measured, cores, processor, system, node, ssh, rsync, load } = machine;
  const where = `${measured}, ${cores} cores of ${processor}, ${system}, Node ${node}, ${ssh}, ${rsync}; load average ${load} when it began.`;
  return [`## ${name}`, "", where, "", ...tableOf(rows), ...figures.map(figureLine), ""].join("\n");
}

function tableOf(rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const head = ["| what | zdr | by hand | ratio | at most | round trips |", "|---|---|---|---|---|---|"];
  return [...head, ...rows.map(rowLine), ""];
}

function rowLine({ what, zdr, byHand, ratio, limit, roundTrips, roundTripLimit }: Row): string {
  const verdict = limit !== undefined && ratio > limit ? `**${ratio}x, missed**` : `${ratio}x`;
  const trips = roundTrips === undefined ? "" : `${roundTrips}, at most ${roundTripLimit ?? ""}`;
  // A bar in a command would end the cell.
  const hand = `${byHand.medianMs} ms (${byHand.name.replaceAll("|", "\\|")})`;
  return `| ${what} | ${zdr.medianMs} ms (${zdr.name}) | ${hand} | ${verdict} | ${limit === undefined ? "" : `${limit}x`} | ${trips} |`;
}

function figureLine({ what, value, unit, limit }: Figure): string {
  const verdict = limit === undefined ? "" : `${value > limit ? ", **missed**" : ""}, at most ${limit} ${unit}`;
  return `- ${what}: ${value} ${unit}${verdict}`;
}

const page = `${HEAD}\n${resultNames().map(section).join("\n")}`;
if (!process.argv.includes("--check")) writeFileSync(PAGE, page);
else if (readFileSync(PAGE, "utf8") !== page) {
  process.stderr.write("docs/performance.md is not what test/bench/results say: run scripts/bench-docs.ts\n");
  process.exitCode = 1;
}
