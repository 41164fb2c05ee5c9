/** "Did you mean": the candidate that a typing slip would have made of the word, or none. */

/** Longer words are no slips, and the table below is quadratic. */
const LONGEST_WORD = 64;
/** From this length on, a word that begins like a candidate counts as an abbreviation of it. */
const SHORTEST_ABBREVIATION = 3;

/**
 * The nearest candidate within a third of the longer word's length (at least one slip), else the first one that the word
 * abbreviates or lengthens. Case, and `-` for `_`, are no slips.
 */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  const typed = folded(word);
  if (typed === "" || typed.length > LONGEST_WORD) return undefined;
  let best: string | undefined;
  let bestSlips = Number.POSITIVE_INFINITY;
  let related: string | undefined;
  for (const candidate of candidates) {
    const wanted = folded(candidate);
    const slips = distance(typed, wanted);
    if (slips < bestSlips && slips <= cutoff(typed, wanted)) {
      best = candidate;
      bestSlips = slips;
    }
    if (related === undefined && isAbbreviation(typed, wanted)) related = candidate;
  }
  return best ?? related;
}

/** `did you mean "hosts"?`, for a failure's suggestion. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const found = closest(word, candidates);
  return found === undefined ? undefined : `did you mean "${found}"?`;
}

function folded(word: string): string {
  return word.toLowerCase().replaceAll("-", "_");
}

function cutoff(a: string, b: string): number {
  const longer = Math.max(a.length, b.length);
  return longer < 3 ? 0 : Math.max(1, Math.floor(longer / 3));
}

function isAbbreviation(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= SHORTEST_ABBREVIATION && long.startsWith(short);
}

/** Damerau-Levenshtein, optimal string alignment: inserting, dropping, replacing, or swapping two neighbours is one slip. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const now = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let least = Math.min(at(last, column) + 1, at(now, column - 1) + 1, at(last, column - 1) + (isSame ? 0 : 1));
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) least = Math.min(least, at(before, column - 2) + 1);
      now.push(least);
    }
    before = last;
    last = now;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
