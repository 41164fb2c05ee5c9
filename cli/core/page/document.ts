/**
 * A report as one page.
 *
 * - It asks nobody for anything: what it runs and how it looks stands in it, and its policy lets it load nothing and run nothing
 *   else.
 * - All of its facts are in its text; the script only draws some of them.
 */
import { formatInstant } from "../report/describe.ts";
import type { ChartData } from "./chart.ts";
import type { ReportFacts } from "./facts.ts";
import { hostSection } from "./host.ts";
import { Html, html, jsonForScript } from "./html.ts";
import { overview, patterns } from "./phases.ts";
import { hostTable, summary, titleOf } from "./summary.ts";

/** Made by the build: what is put into every page. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
  /** Of the two, as a policy spells them: `sha256-…`. */
  readonly scriptHash: string;
  readonly styleHash: string;
}

export function renderPage(facts: ReportFacts, { script, style, scriptHash, styleHash }: PageAssets): string {
  const policy = [
    ...["default-src 'none'", `script-src '${scriptHash}'`, `style-src '${styleHash}'`],
    ...["img-src data:", "base-uri 'none'", "form-action 'none'"],
  ].join("; ");
  const charts: ChartData[] = [];
  const sections = facts.hosts.map((host) => hostSection(host, charts));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${titleOf(facts)} &middot; ${facts.project}</title>
<link rel="icon" href="data:,">
<style>${new Html(style)}</style>
</head>
<body>
${patterns()}
<main>
${summary(facts)}
<section><h2>Hosts</h2>${hostTable(facts)}</section>
<section><h2>Timeline</h2>${overview(facts.hosts)}<p class="quiet">Each host by its own clock.</p></section>
${sections}
</main>
<footer><p>Made by zdr report on ${formatInstant(facts.madeAt)}, from the ledgers of the hosts. Times since the flip are those of each host's own.</p></footer>
<script type="application/json" id="charts">${jsonForScript(charts)}</script>
<script>${new Html(script)}</script>
</body>
</html>
`;
  return page.text;
}
