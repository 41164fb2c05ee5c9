/** Draws the moments over a chart: a line each, and its letter above. Letters that would touch stand in rows of their own. */
import { letterPlaces } from "../core/page/letters.ts";
import type { MarkedMoment } from "../core/page/moments.ts";
import type { Colours } from "./colours.ts";

export interface Area {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export const LETTER_SIZE = 16;
const GAP = 2;
/** Rows of letters, at most. Where all are taken, a letter stands beside its line and not over another one. */
export const ROWS = 4;

/** By letter, so that lines are told apart without their colour. */
const DASHES: Readonly<Record<string, readonly number[]>> = {
  F: [],
  R: [8, 4],
  D: [2, 3],
  K: [1, 5],
  X: [10, 3, 2, 3],
};

export function drawMoments(
  context: CanvasRenderingContext2D,
  moments: readonly MarkedMoment[],
  area: Area,
  placeOf: (atMs: number) => number,
  colours: Colours,
): void {
  const shown = moments
    .map(({ atMs, letter }) => ({ letter, line: Math.round(placeOf(atMs)) + 0.5 }))
    .filter(({ line }) => line >= area.left - 1 && line <= area.right + 1);
  const lines = shown.map(({ line }) => line);
  const places = letterPlaces(lines, { size: LETTER_SIZE, gap: GAP, rows: ROWS });
  context.save();
  for (const [at, { letter, line }] of shown.entries()) {
    const { x, row } = places[at] ?? { x: line, row: 0 };
    const top = area.top - (ROWS - row) * (LETTER_SIZE + GAP);
    const colour = letter === "X" || letter === "!" ? colours.bad : colours.ink;
    drawLine(context, line, top + LETTER_SIZE, area.bottom, colour, DASHES[letter] ?? [4, 4]);
    drawLetter(context, x, top, letter, colour, colours.ground);
  }
  context.restore();
}

function drawLine(
  context: CanvasRenderingContext2D,
  x: number,
  top: number,
  bottom: number,
  colour: string,
  dash: readonly number[],
): void {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.setLineDash([...dash]);
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x, bottom);
  context.stroke();
}

function drawLetter(
  context: CanvasRenderingContext2D,
  x: number,
  top: number,
  letter: string,
  colour: string,
  ground: string,
): void {
  context.setLineDash([]);
  context.fillStyle = ground;
  context.strokeStyle = colour;
  context.fillRect(x - LETTER_SIZE / 2, top + 0.5, LETTER_SIZE, LETTER_SIZE);
  context.strokeRect(x - LETTER_SIZE / 2, top + 0.5, LETTER_SIZE, LETTER_SIZE);
  context.fillStyle = colour;
  context.font = "600 11px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(letter, x, top + LETTER_SIZE / 2 + 1);
}
