/** What runs in the reader's browser: draws the charts of a report into the places that the page keeps for them. */
import type { ChartData } from "../core/page/chart.ts";
import { readColours } from "./colours.ts";
import { type Drawing, draw } from "./drawing.ts";

const root = document.documentElement;

function drawAll(): Drawing[] {
  const charts: readonly ChartData[] = JSON.parse(document.getElementById("charts")?.textContent ?? "[]");
  // The places are hidden until now, and a chart is as large as its place.
  root.classList.add("drawn");
  return charts.flatMap((chart, index) => {
    const place = document.querySelector<HTMLElement>(`[data-chart="${index}"]`);
    return place === null ? [] : [draw(place, chart, readColours())];
  });
}

function recolour(drawings: readonly Drawing[]): void {
  const colours = readColours();
  for (const drawing of drawings) drawing.recolour(colours);
}

const drawings = drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => recolour(drawings));
/** What is folded away on the screen: paper can not be asked to unfold it. */
const folded = [...document.querySelectorAll("details")].filter((details) => !details.open);

addEventListener("beforeprint", () => {
  root.classList.add("paper");
  for (const details of folded) details.open = true;
  recolour(drawings);
});
addEventListener("afterprint", () => {
  root.classList.remove("paper");
  for (const details of folded) details.open = false;
  recolour(drawings);
});
