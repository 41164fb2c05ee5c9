/** The part of a report that is about one host: each of its activations, with its phases, charts and words. */
import type { ProgramReport } from "../../../agent/wire/report.ts";
import type { ActivationTrace, MeterTimeline } from "../../../agent/wire/trace/trace.ts";
import { formatInstant } from "../report/describe.ts";
import { count, formatMs } from "../report/units.ts";
import { sinceWords } from "./axis.ts";
import { type ChartData, chartOf, courseOf, failuresOf, sentenceOf } from "./chart.ts";
import {
  grouped,
  isFlipped,
  outcomeOf,
  type Part,
  type ReportedHost,
  requestsWords,
  SIGNS,
  totalsOf,
} from "./facts.ts";
import { type Html, html } from "./html.ts";
import { phaseRows } from "./phases.ts";

/** `charts`: filled with what the script is to draw, in the order of the page. */
export function hostSection({ host, parts }: ReportedHost, charts: ChartData[]): Html {
  return html`${parts.map((part) => {
    const { mark, words } = outcomeOf(part.entry);
    return html`<section class="host"><h2>${host} <small class="${mark}"><span class="sign" aria-hidden="true">${SIGNS[mark]}</span> ${part.entry.what} of ${part.entry.tag}: ${words}</small></h2>
<p class="quiet">${formatInstant(part.entry.at)}${part.entry.from === undefined ? "" : `, from ${part.entry.from}`}${part.entry.proof === undefined ? "" : `; proof: ${part.entry.proof}`}</p>
${trouble(part)}
${phaseRows(part)}
${course(host, part, charts)}
${evidence(part)}</section>`;
  })}`;
}

function trouble({ told, trace, entry }: Part): Html {
  const error = told?.error ?? (entry.reason === undefined || entry.ended === "kept" ? [] : [entry.reason]);
  const log = trace?.report.log ?? [];
  const warnings = trace?.report.warnings ?? [];
  return html`${
    error.length === 0
      ? ""
      : html`<div class="trouble"><h3>Why it was not kept</h3>${error.map((line) => html`<p>${line}</p>`)}${
          log.length === 0
            ? ""
            : html`<pre tabindex="0">${log.map(({ program, line }) => `${program}: ${line}`).join("\n")}</pre>`
        }${(told?.hints ?? []).map((hint) => html`<p class="quiet">hint: ${hint}</p>`)}</div>`
  }${
    warnings.length === 0
      ? ""
      : html`<div class="warnings"><h3>Warnings</h3><ul>${warnings.map((line) => html`<li>${line}</li>`)}</ul></div>`
  }`;
}

function course(host: string, { entry, trace }: Part, charts: ChartData[]): Html {
  if (!isFlipped(entry)) return html`<p class="quiet">Nothing was flipped, so there is no more to show.</p>`;
  if (trace === undefined) {
    return html`<p class="quiet">No samples were recorded of this activation, or they have been removed: a host keeps those of its last twenty. Of its meter there is only the sum: ${requestsWords(totalsOf(entry.programs))}.</p>`;
  }
  if (trace.meters.length === 0)
    return html`<p class="quiet">Nothing was measured: no program has an http health check whose meter is on.</p>`;
  return html`${trace.meters.map((meter) => {
    const report = trace.report.programs.find(({ name }) => name === meter.program);
    return figure(host, trace, meter, report, charts);
  })}`;
}

function figure(
  host: string,
  trace: ActivationTrace,
  meter: MeterTimeline,
  report: ProgramReport | undefined,
  charts: ChartData[],
): Html {
  const chart = chartOf(host, trace, meter);
  charts.push(chart);
  return html`<figure class="program"><h3>${meter.program}${report === undefined ? "" : html` <small>${pidWords(report, trace.report)}</small>`}</h3>
<div class="chart" data-chart="${charts.length - 1}" role="img" aria-label="${sentenceOf(chart)}"></div>
<figcaption>${comparison(report)}
<ol class="moments" aria-label="moments">${chart.moments.map(
    ({ letter, atMs, words }) =>
      html`<li><b class="letter">${letter}</b> <span class="at">${sinceWords(atMs)}</span> ${words}</li>`,
  )}</ol>
${failures(meter)}
<details><summary>The same in numbers</summary>${courseTable(chart)}</details></figcaption></figure>`;
}

function pidWords({ before, after }: ProgramReport, { outcome, tag }: ActivationTrace["report"]): string {
  const pids = before.pid === after.pid ? `pid ${after.pid}, unbroken` : `pid ${before.pid} → ${after.pid}`;
  if (outcome === "reverted" || outcome === "stuck")
    return `${tag} failed, ${after.release ?? "nothing"} again, ${pids}`;
  return `${before.release ?? "nothing"} → ${after.release ?? "nothing"}, ${pids}`;
}

function comparison(report: ProgramReport | undefined): Html {
  if (report?.meter === undefined) return html``;
  const { baseline, during, inFlight } = report.meter;
  const calls =
    (inFlight?.sent ?? 0) === 0
      ? ""
      : `; of ${inFlight?.sent} on their way at the flip ${inFlight?.failed || "none"} failed`;
  return html`<p>Before the flip ${requestsWords(baseline)}; from then on ${requestsWords(during)}${calls}.</p>`;
}

function failures(meter: MeterTimeline): Html {
  const told = failuresOf(meter);
  if (told.length === 0) return html``;
  return html`<div class="trouble"><h3>Why requests failed</h3><ul>${told.map(({ error, times }) => html`<li>${grouped(times)} &times; ${error}</li>`)}</ul></div>`;
}

function courseTable(chart: ChartData): Html {
  return html`<div class="wide" tabindex="0" role="region" aria-label="${chart.title} in numbers"><table><thead><tr><th scope="col">since the flip</th><th scope="col" class="number">requests</th><th scope="col" class="number">failed</th><th scope="col" class="number">slowest</th><th scope="col">moments</th></tr></thead>
<tbody>${courseOf(chart).map(
    ({ fromMs, toMs, sent, failed, slowestMs, moments }) =>
      html`<tr><th scope="row">${sinceWords(fromMs)} to ${sinceWords(toMs)}</th><td class="number">${grouped(sent)}</td><td class="number ${failed > 0 ? "bad" : ""}">${grouped(failed)}</td><td class="number">${slowestMs === 0 ? "–" : formatMs(slowestMs)}</td><td>${moments}</td></tr>`,
  )}</tbody></table></div>`;
}

function evidence({ entry }: Part): Html {
  if (entry.evidence.length === 0) return html``;
  return html`<details class="evidence"><summary>What was proved: ${count(entry.evidence.length, "fact")}</summary><ul>${entry.evidence.map((line) => html`<li>${line}</li>`)}</ul></details>`;
}
