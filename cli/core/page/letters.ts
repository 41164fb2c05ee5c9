/** Where the letters of a chart's moments stand: in rows above it, and never one over another. */

/** Sizes in pixels. */
export interface LetterSizes {
  readonly size: number;
  readonly gap: number;
  readonly rows: number;
}

export interface LetterPlace {
  /** Of the letter's middle: that of its line where there is room, else to the right of it. */
  readonly x: number;
  readonly row: number;
}

/** `lines`: where each moment's line is, from left to right. */
export function letterPlaces(lines: readonly number[], { size, gap, rows }: LetterSizes): LetterPlace[] {
  const taken: number[] = Array.from({ length: rows }, () => Number.NEGATIVE_INFINITY);
  return lines.map((line) => {
    const free = taken.findIndex((until) => line - size / 2 >= until);
    const row = free === -1 ? taken.indexOf(Math.min(...taken)) : free;
    const x = Math.max(line, (taken[row] ?? line) + size / 2);
    taken[row] = x + size / 2 + gap;
    return { x, row };
  });
}
