/** The timeline: every phase of every host, as bars on one line of time, with its words beside it. */
import type { HistoryEntry } from "../../../agent/wire/history.ts";
import { formatMs } from "../report/units.ts";
import { type Axis, axisOf, placeOf, ticksOf, widthOf } from "./axis.ts";
import { outcomeOf, type Part, type ReportedHost, SIGNS } from "./facts.ts";
import { type Html, html } from "./html.ts";

type Span = HistoryEntry["spans"][number];

/** What each phase is, in words; and how its bar is filled, so that it is known without its colour. */
const PHASES: Readonly<Record<string, { readonly words: string; readonly kind: Kind }>> = {
  copy: { words: "copied what the host had", kind: "staging" },
  receive: { words: "received what it lacked", kind: "staging" },
  durable: { words: "made durable", kind: "staging" },
  preflight: { words: "checked the release", kind: "before" },
  hooks: { words: "ran hooks", kind: "before" },
  baseline: { words: "took the baseline", kind: "before" },
  ready: { words: "flip, until all were ready", kind: "taking" },
  watch: { words: "watched and drained", kind: "watching" },
  tried: { words: "flip, until it failed", kind: "failing" },
  revert: { words: "put back the old release", kind: "back" },
};

const KINDS = {
  staging: "staging",
  before: "before the flip",
  taking: "from the flip until ready",
  watching: "watched and drained",
  failing: "from the flip until it failed",
  back: "going back",
} as const;
type Kind = keyof typeof KINDS;

const phaseOf = (name: string) => (Object.hasOwn(PHASES, name) ? PHASES[name] : undefined);
const kindOf = (name: string): Kind => phaseOf(name)?.kind ?? "before";

const ROW = 22;
const BAR = 14;

/** All hosts under each other, each a row; for the common axis their clocks have to agree. */
export function overview(hosts: readonly ReportedHost[]): Html {
  const shown = hosts.filter(({ parts }) => spansOf(parts).length > 0);
  const axis = axisOf(shown.flatMap(({ parts }) => spansOf(parts)));
  const kinds = [...new Set(shown.flatMap(({ parts }) => spansOf(parts)).map(({ phase }) => kindOf(phase)))];
  return html`<div class="timeline" role="table" aria-label="timeline of all hosts">
${shown.map(({ host, parts }) => {
  const last = parts.at(-1);
  const outcome = last === undefined ? undefined : outcomeOf(last.entry);
  return html`<div class="lane" role="row"><span class="lane-name" role="rowheader">${outcome === undefined ? "" : html`<span class="sign ${outcome.mark}" aria-hidden="true">${SIGNS[outcome.mark]}</span> `}${host}</span>
<span class="lane-bar" role="cell">${bars(axis, spansOf(parts))}<span class="unseen">${lasting(spansOf(parts))}</span></span></div>`;
})}
<div class="lane" aria-hidden="true"><span class="lane-name"></span><span class="lane-bar">${scale(axis, axis.from)}</span></div>
</div>
<ul class="legend">${kinds.map((kind) => html`<li>${swatch(kind)} ${KINDS[kind]}</li>`)}</ul>`;
}

/** Of one activation, a row for each phase. */
export function phaseRows({ entry, trace }: Part): Html {
  const { spans } = entry;
  if (spans.length === 0) return html`<p class="quiet">Its ledger has no times of this.</p>`;
  const axis = axisOf(spans);
  const flip = trace === undefined ? Number.NaN : Date.parse(trace.flippedAt);
  return html`<table class="phases"><caption class="unseen">phases</caption>
<thead><tr><th scope="col">phase</th><th scope="col" class="number">took</th><th scope="col" class="bar" aria-hidden="true">${scale(axis, Number.isNaN(flip) ? axis.from : flip)}</th></tr></thead>
<tbody>${spans.map(
    (span) =>
      html`<tr><th scope="row">${phaseOf(span.phase)?.words ?? span.phase}</th><td class="number">${formatMs(span.ms)}</td><td class="bar" aria-hidden="true">${bars(axis, [span])}</td></tr>`,
  )}</tbody></table>`;
}

const spansOf = (parts: readonly Part[]): Span[] => parts.flatMap(({ entry }) => entry.spans);

/** `12 s in 7 phases` */
function lasting(spans: readonly Span[]): string {
  return spans.map(({ phase, ms }) => `${phaseOf(phase)?.words ?? phase} ${formatMs(ms)}`).join(", ");
}

/** Percent and no viewBox: words keep their size however wide the page is. */
function bars(axis: Axis, spans: readonly Span[]): Html {
  return html`<svg class="bars" width="100%" height="${ROW}" aria-hidden="true" focusable="false"><line class="rail" x1="0" x2="100%" y1="${ROW / 2}" y2="${ROW / 2}"/>${spans.map(
    ({ phase, at, ms }) =>
      html`<rect class="span ${kindOf(phase)}" x="${placeOf(axis, at)}%" y="${(ROW - BAR) / 2}" width="${widthOf(axis, at, ms)}%" height="${BAR}"><title>${phaseOf(phase)?.words ?? phase}: ${formatMs(ms)}</title></rect>`,
  )}</svg>`;
}

function scale(axis: Axis, zero: number): Html {
  return html`<svg class="scale" width="100%" height="${ROW}" aria-hidden="true" focusable="false">${ticksOf(
    axis,
    zero,
  ).map(({ at, words }) => {
    const place = placeOf(axis, at);
    const anchor = place < 4 ? "start" : place > 94 ? "end" : "middle";
    return html`<line x1="${place}%" x2="${place}%" y1="17" y2="${ROW}"/><text x="${place}%" y="13" text-anchor="${anchor}">${words}</text>`;
  })}</svg>`;
}

function swatch(kind: Kind): Html {
  return html`<svg class="swatch" width="26" height="${BAR}" aria-hidden="true" focusable="false"><rect class="span ${kind}" x="1" y="1" width="24" height="${BAR - 2}"/></svg>`;
}

/** What bars are filled with. */
export function patterns(): Html {
  const stroke = (id: Kind, path: string) =>
    html`<pattern id="fill-${id}" class="${id}" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="ground" width="6" height="6"/><path d="${path}"/></pattern>`;
  return html`<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>
${stroke("staging", "M1 1h1v1h-1zM4 4h1v1h-1z")}${stroke("before", "M3 0v6")}${stroke("watching", "M0 3h6")}
${stroke("failing", "M0 0l6 6M6 0l-6 6")}${stroke("back", "M-1 7l8 -8")}
</defs></svg>`;
}
