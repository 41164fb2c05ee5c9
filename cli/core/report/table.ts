/** Plain tables: two spaces between columns, numbers to the right, no lines. */
import { sanitize } from "./sanitize.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** What a command was run for, where that is a table: for those who show it otherwise than as text. */
export interface Table {
  /** What it is of: a release's tag. */
  readonly title?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

const GAP = "  ";
// Rough on purpose (no Unicode tables): what most terminals draw over two cells, and what they draw over none.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const ZERO = /\p{Mn}|\p{Me}/u;

/**
 * The table as text that ends in a newline; empty without rows. A column in which every cell is empty is left out.
 * Where it is wider than `maxWidth`, each row stands as lines of its own: a terminal would break it in the middle of words.
 * Cells are sanitized here, so that no caller can forget it.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  maxWidth = Number.POSITIVE_INFINITY,
): string {
  if (rows.length === 0) return "";
  const cells = rows.map((row) => columns.map((_, index) => sanitize(row[index] ?? "")));
  const shown = columns
    .map((column, index) => ({ column, index }))
    .filter(({ index }) => cells.some((row) => row[index] !== ""));
  const lines = [shown.map(({ column }) => column.title), ...cells.map((row) => shown.map((s) => row[s.index] ?? ""))];
  const widths = shown.map((_, place) => widest(lines.map((line) => line[place] ?? "")));
  if (widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) > maxWidth) return stacked(lines);
  return lines
    .map((line) => shown.map(({ column }, place) => pad(line[place] ?? "", widths[place] ?? 0, column.align)))
    .map((line) => `${line.join(GAP).trimEnd()}\n`)
    .join("");
}

/** Each row under its first two cells, which say whose it is. */
function stacked([titles = [], ...rows]: readonly (readonly string[])[]): string {
  const width = widest(titles.slice(2));
  return rows
    .map((row) => {
      const facts = titles.slice(2).map((title, index) => ({ title, cell: row[index + 2] ?? "" }));
      const told = facts
        .filter(({ cell }) => cell !== "")
        .map(({ title, cell }) => `  ${pad(title, width)}${GAP}${cell}\n`);
      return `${row.slice(0, 2).join(" ")}\n${told.join("")}`;
    })
    .join("");
}

/** Not by Math.max(...): a host may list more releases than a call can have arguments. */
function widest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, displayWidth(text)), 0);
}

/** How many cells of a terminal a text takes, roughly. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "right" ? space + text : text + space;
}
