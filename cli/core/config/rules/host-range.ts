/** Many hosts in one word: `web[01:20]`, `db[a:c].example.com`, with a step as `[0:10:2]`; as Ansible's inventories have it. */
import { type Checked, complain } from "./checked.ts";

/** More hosts than anybody deploys to from one machine; a slip of a digit would be found out by waiting for it. */
export const RANGE_LIMIT = 1000;

/** Never an IPv6 address in brackets, which has more than that between them. */
const RANGE = /\[(\d+|[A-Za-z]):(\d+|[A-Za-z])(?::(\d+))?\]/;

/** The words that a word with ranges stands for, in order; one without stands for itself. Leading zeros are kept. */
export function expandRanges(text: string): Checked<readonly string[]> {
  const found = RANGE.exec(text);
  if (found === null) return { ok: [text] };
  const [range, from = "", to = "", step = "1"] = found;
  const values = valuesOf(from, to, Number(step));
  if (values === undefined) return complain(`has the range ${range}, which runs from nowhere to nowhere`);
  if (values.length > RANGE_LIMIT)
    return complain(`has the range ${range}, which is of more than ${RANGE_LIMIT} hosts`);
  const words: string[] = [];
  for (const value of values) {
    const rest = expandRanges(text.slice(0, found.index) + value + text.slice(found.index + range.length));
    if ("problem" in rest) return rest;
    words.push(...rest.ok);
    if (words.length > RANGE_LIMIT) return complain(`is of more than ${RANGE_LIMIT} hosts`);
  }
  return { ok: words };
}

/** undefined: backwards, of mixed kinds, or without a step. */
function valuesOf(from: string, to: string, step: number): string[] | undefined {
  const isNumber = /^\d/.test(from);
  if (isNumber !== /^\d/.test(to) || step < 1) return undefined;
  const [first, last] = isNumber ? [Number(from), Number(to)] : [from.charCodeAt(0), to.charCodeAt(0)];
  if (last < first || (!isNumber && isUpper(from) !== isUpper(to))) return undefined;
  const count = Math.min(Math.floor((last - first) / step) + 1, RANGE_LIMIT + 1);
  return Array.from({ length: count }, (_, at) => {
    const value = first + at * step;
    return isNumber ? String(value).padStart(from.length, "0") : String.fromCharCode(value);
  });
}

const isUpper = (letter: string) => letter < "a";
