/** The head of a report: what was done, by whom, how it ended; and the table of all hosts and programs. */
import type { ProvedProgram } from "../../../agent/wire/history.ts";
import { formatInstant } from "../report/describe.ts";
import { count, formatMs } from "../report/units.ts";
import {
  goalOf,
  grouped,
  isFlipped,
  type Mark,
  originsOf,
  outcomeOf,
  overallOf,
  type Part,
  partsOf,
  type ReportFacts,
  requestsWords,
  SIGNS,
  totalsOf,
} from "./facts.ts";
import { type Html, html } from "./html.ts";
import { least, most } from "./numbers.ts";

/** `v1.2 → v1.3` */
export function titleOf(facts: ReportFacts): string {
  const goal = goalOf(facts)?.tag ?? "";
  const origins = originsOf(facts);
  return origins.length === 0 ? goal : `${origins.join(", ")} → ${goal}`;
}

export function summary(facts: ReportFacts): Html {
  const goal = goalOf(facts);
  const overall = overallOf(facts);
  const programs = programsOf(facts);
  return html`<header>
<p class="kicker">${facts.project} &middot; ${goal?.what ?? "deploy"} of ${programs.length === 0 ? "its programs" : programs.join(", ")}</p>
<h1>${titleOf(facts)}</h1>
<p class="verdict ${overall.mark}"><span class="sign" aria-hidden="true">${SIGNS[overall.mark]}</span> ${overall.words}${facts.silent.length === 0 ? "" : `; ${count(facts.silent.length, "host")} could not be asked`}</p>
<dl class="facts">
${fact("requests", requestsWords(totalsOf(partsOf(facts).flatMap(({ entry }) => entry.programs))))}
${fact("began", formatInstant(goal?.at))}
${fact("took", tookWords(facts))}
${goal?.by === undefined ? "" : fact("by", `${goal.by.user}@${goal.by.host}`)}
${goal?.by?.run === undefined ? "" : html`<div><dt>CI run</dt><dd>${link(goal.by.run)}</dd></div>`}
${goal?.revision === undefined ? "" : fact("revision", `${goal.revision.commit.slice(0, 12)}${goal.revision.dirty ? " (dirty)" : ""}`)}
${facts.id === undefined ? "" : fact("ID", facts.id)}
</dl></header>`;
}

function fact(name: string, words: string): Html {
  return html`<div><dt>${name}</dt><dd>${words}</dd></div>`;
}

/** What was written into the ledger is a link only where it can lead nowhere but to a web page. */
function link(url: string): Html {
  if (!/^https?:\/\//i.test(url)) return html`${url}`;
  return html`<a href="${url}" rel="noopener noreferrer">${url}</a>`;
}

function programsOf(facts: ReportFacts): string[] {
  return [...new Set(partsOf(facts).flatMap(({ entry }) => entry.programs.map(({ name }) => name)))];
}

/** From the first phase of the first host to the last one of the last, as far as their clocks agree. */
function tookWords(facts: ReportFacts): string {
  const spans = partsOf(facts).flatMap(({ entry }) => entry.spans);
  if (spans.length === 0) return "unknown";
  return formatMs(most(spans.map(({ at, ms }) => at + ms)) - least(spans.map(({ at }) => at)));
}

const COLUMNS = [
  "host",
  "program",
  "ended",
  "release",
  "did",
  "requests",
  "failed",
  "slowest",
  "ready",
  "old gone",
  "proof",
];
const NUMBERS = new Set(["requests", "failed", "slowest", "ready", "old gone"]);

export function hostTable(facts: ReportFacts): Html {
  const rows = facts.hosts.flatMap(({ host, parts }) =>
    parts.length === 0 ? [row("open", [host, "", "took no part"])] : parts.flatMap((part) => partRows(host, part)),
  );
  const silent = facts.silent.map(({ host, why }) => row("bad", [host, "", `could not be asked: ${why}`]));
  return html`<table class="cards"><thead><tr>${COLUMNS.map((name) => html`<th scope="col" class="${numeric(name)}">${name}</th>`)}</tr></thead>
<tbody>${rows}${silent}</tbody></table>`;
}

const numeric = (name: string) => (NUMBERS.has(name) ? "number" : "");

function partRows(host: string, part: Part): Html[] {
  const { entry } = part;
  const { mark, words } = outcomeOf(entry);
  const release = isFlipped(entry) ? `${entry.from ?? "nothing"} → ${entry.tag}` : entry.tag;
  if (entry.programs.length === 0) return [row(mark, [host, "", words, release])];
  return entry.programs.map((program) => row(mark, [host, program.name, words, release, ...programCells(program)]));
}

function programCells({ action, meter, readyMs, oldGoneMs, draining, proof }: ProvedProgram): string[] {
  const { sent, failed, slowestMs } = meter?.during ?? {};
  return [
    ...[action === "none" ? "left as it was" : action, sent === undefined ? "not measured" : grouped(sent)],
    ...[failed === undefined ? "" : grouped(failed), slowestMs === undefined ? "" : formatMs(slowestMs)],
    readyMs === undefined ? "" : formatMs(readyMs),
    draining > 0 ? `${draining} still drain` : oldGoneMs === undefined ? "" : formatMs(oldGoneMs),
    proof,
  ];
}

/** The third cell says how it ended, the last one takes what room is left. On a narrow page each row is a card, and each cell says what it is. */
function row(mark: Mark, cells: readonly string[]): Html {
  return html`<tr>${cells.map((words, index) => {
    const name = COLUMNS[index] ?? "";
    if (words === "" && index > 0) return html`<td class="empty ${numeric(name)}"></td>`;
    if (index === 0) return html`<th scope="row" data-name="host">${words}</th>`;
    const sign = index === 2 ? html`<span class="sign ${mark}" aria-hidden="true">${SIGNS[mark]}</span> ` : "";
    const warn = name === "failed" && words !== "0" ? " bad" : "";
    const wide = index === cells.length - 1 && html` colspan="${COLUMNS.length - index}"`;
    return html`<td class="${numeric(name)}${warn}" data-name="${name}"${wide}>${sign}${words}</td>`;
  })}</tr>`;
}
