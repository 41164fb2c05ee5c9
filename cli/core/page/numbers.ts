/** Of many numbers one. A host may tell of more than a call can have arguments, so not by Math.max(...) and its like. */

/** Infinity where there is none. */
export const least = (numbers: readonly number[]) => numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);

/** -Infinity where there is none. */
export const most = (numbers: readonly number[]) => numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

export const sum = (numbers: readonly number[]) => numbers.reduce((all, n) => all + n, 0);
