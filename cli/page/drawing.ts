/**
 * One chart: how long answers took, above; how many requests were answered and how many failed, below; over both, the
 * moments. Every series has a shape of its own, so that it is known without its colour.
 */
import {
  BarController,
  BarElement,
  Chart,
  type ChartDataset,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from "chart.js";
import type { ChartData } from "../core/page/chart.ts";
import { most, sum } from "../core/page/numbers.ts";
import type { Colours } from "./colours.ts";
import { drawMoments, LETTER_SIZE, ROWS } from "./moments.ts";

Chart.register(BarController, BarElement, Legend, LineController, LineElement, LinearScale, PointElement, Tooltip);
Chart.defaults.font.family = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export interface Drawing {
  recolour(colours: Colours): void;
}

interface Point {
  readonly x: number;
  readonly y: number | null;
}
type Kind = "line" | "bar";
type Series = ChartDataset<Kind, Point[]>;

/** As many as a phone can show next to each other; more are put together. */
const POINTS = 120;

export function draw(place: HTMLElement, data: ChartData, colours: Colours): Drawing {
  const canvas = document.createElement("canvas");
  place.append(canvas);
  let current = colours;
  const points = together(data);
  const chart = new Chart<Kind, Point[]>(canvas, {
    type: "line",
    data: { datasets: seriesOf(points, current, canvas) },
    options: optionsOf(data, points.widthMs, current),
    plugins: [
      {
        id: "moments",
        afterDatasetsDraw({ ctx, chartArea, scales }) {
          const place = (atMs: number) => scales.x?.getPixelForValue(atMs / 1000) ?? 0;
          drawMoments(ctx, data.moments, chartArea, place, current);
        },
      },
    ],
  });
  return {
    recolour(next) {
      current = next;
      chart.data.datasets = seriesOf(points, next, canvas);
      chart.options = optionsOf(data, points.widthMs, next);
      chart.update("none");
    },
  };
}

interface Points extends Pick<ChartData, "fromMs" | "widthMs" | "sent" | "failed" | "halfMs" | "slowestMs"> {}

function together({ fromMs, widthMs, sent, failed, halfMs, slowestMs }: ChartData): Points {
  const each = Math.max(1, Math.ceil(sent.length / POINTS));
  const groups = Array.from({ length: Math.ceil(sent.length / each) }, (_, group) => group * each);
  const gather = (column: readonly number[], how: (part: readonly number[]) => number) =>
    groups.map((first) => how(column.slice(first, first + each)));
  const typical = (part: readonly number[]) => median(part.filter((ms) => ms > 0));
  return {
    ...{ fromMs, widthMs: widthMs * each, sent: gather(sent, sum), failed: gather(failed, sum) },
    ...{ halfMs: gather(halfMs, typical), slowestMs: gather(slowestMs, most) },
  };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function seriesOf(points: Points, colours: Colours, canvas: HTMLCanvasElement): Series[] {
  const { fromMs, widthMs, sent, failed, halfMs, slowestMs } = points;
  const at = (index: number) => (fromMs + (index + 0.5) * widthMs) / 1000;
  const column = (values: readonly number[], isThere: (value: number) => boolean): Point[] =>
    values.map((value, index) => ({ x: at(index), y: isThere(value) ? value : null }));
  const answered = sent.map((n, index) => n - (failed[index] ?? 0));
  const line = { type: "line", yAxisID: "y", borderWidth: 1.5, spanGaps: (widthMs * 4) / 1000 } as const;
  const bar = {
    type: "bar",
    yAxisID: "yRequests",
    stack: "requests",
    barPercentage: 1,
    categoryPercentage: 1,
  } as const;
  return [
    {
      ...{ ...line, label: "half of the answers within", data: column(halfMs, (ms) => ms > 0) },
      ...{ borderColor: colours.accent, backgroundColor: colours.accent, pointRadius: 0, pointStyle: "line" },
    },
    {
      ...{ ...line, label: "slowest answer", data: column(slowestMs, (ms) => ms > 0), borderDash: [3, 3] },
      ...{ borderColor: colours.quiet, backgroundColor: colours.ground, pointRadius: 2.5, pointStyle: "triangle" },
    },
    {
      ...{ ...bar, label: "failed", data: column(failed, (n) => n > 0), pointStyle: "rect" },
      ...{ backgroundColor: hatched(canvas, colours), borderColor: colours.bad },
    },
    {
      ...{ ...bar, label: "answered", data: column(answered, (n) => n > 0), pointStyle: "rect" },
      ...{ backgroundColor: colours.soft, borderColor: colours.soft },
    },
  ];
}

/** Slanted lines, so that what failed is known without its colour. */
function hatched(canvas: HTMLCanvasElement, { bad, ground }: Colours): CanvasPattern | string {
  const tile = canvas.ownerDocument.createElement("canvas");
  tile.width = tile.height = 6;
  const context = tile.getContext("2d");
  if (context === null) return bad;
  context.fillStyle = ground;
  context.fillRect(0, 0, 6, 6);
  context.strokeStyle = bad;
  context.lineWidth = 2;
  context.beginPath();
  for (const offset of [-6, 0, 6]) {
    context.moveTo(offset - 1, 7);
    context.lineTo(offset + 7, -1);
  }
  context.stroke();
  return context.createPattern(tile, "repeat") ?? bad;
}

/** Where one scale ends the other begins: two numbers would stand on each other. */
function belowTop(value: string | number, index: number, all: readonly unknown[]): string {
  return index === all.length - 1 && index > 0 ? "" : String(value);
}

function optionsOf(data: ChartData, widthMs: number, colours: Colours) {
  const grid = { color: colours.line, tickColor: colours.line };
  const ticks = { color: colours.quiet, maxRotation: 0 };
  const titled = (text: string) => ({ display: true, text, color: colours.quiet });
  const times = data.moments.map(({ atMs }) => atMs);
  const end = data.fromMs + data.sent.length * data.widthMs;
  return {
    animation: false as const,
    maintainAspectRatio: false,
    layout: { padding: { top: ROWS * (LETTER_SIZE + 2) + 2, right: LETTER_SIZE / 2 + 2 } },
    interaction: { mode: "index" as const, intersect: false },
    scales: {
      x: {
        type: "linear" as const,
        // Bars would have it begin half a bar earlier.
        offset: false,
        min: Math.min(data.fromMs, ...times) / 1000,
        max: Math.max(end, ...times) / 1000,
        title: titled("seconds since the flip"),
        ...{ grid, ticks: { ...ticks, maxTicksLimit: 9, includeBounds: false } },
      },
      // Of those that are stacked the first one stands at the bottom.
      yRequests: {
        ...{ type: "linear" as const, axis: "y" as const, stack: "both", stackWeight: 3, min: 0, stacked: true },
        ...{ title: titled("requests"), grid, ticks: { ...ticks, precision: 0, maxTicksLimit: 4, callback: belowTop } },
      },
      y: {
        ...{
          type: "linear" as const,
          axis: "y" as const,
          stack: "both",
          stackWeight: 5,
          min: 0,
          title: titled("answer, ms"),
        },
        ...{ grid, ticks: { ...ticks, maxTicksLimit: 6 } },
      },
    },
    plugins: {
      legend: { position: "bottom" as const, labels: { color: colours.ink, usePointStyle: true, boxHeight: 8 } },
      tooltip: {
        backgroundColor: colours.ground,
        ...{ titleColor: colours.ink, bodyColor: colours.ink, borderColor: colours.quiet, borderWidth: 1 },
        callbacks: {
          title: (items: readonly { readonly parsed: { readonly x: number | null } }[]) => {
            const from = (items[0]?.parsed.x ?? 0) - widthMs / 2000;
            return `${from.toFixed(2)} s to ${(from + widthMs / 1000).toFixed(2)} s`;
          },
        },
      },
    },
  };
}
