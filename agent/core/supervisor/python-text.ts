/**
 * White space as Python's str methods know it (Objects/unicodetype_db.h, _PyUnicode_IsWhitespace). supervisor splits and
 * strips with these, and JavaScript's own differ: U+001C to U+001F and U+0085 are blank only there, U+FEFF only here.
 */

const BLANK = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const BLANKS = new RegExp(`[${BLANK}]+`);
const LEADING = new RegExp(`^[${BLANK}]+`);
const ONE_BLANK = new RegExp(`^[${BLANK}]$`);

/** `text.isspace()` of one character. */
export function isBlank(character: string): boolean {
  return ONE_BLANK.test(character);
}

/** `text.rstrip()`. A loop and not /[…]+$/, which is quadratic on long runs of blanks. */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** `text.strip()`. */
export function strip(text: string): string {
  return stripEnd(text).replace(LEADING, "");
}

/** `text.split()`: words between runs of white space, none of them empty. */
export function splitBlanks(text: string): string[] {
  return text.split(BLANKS).filter((word) => word !== "");
}

/** How far a line is indented, in characters; its whole length where it is blank. */
export function indentOf(line: string): number {
  return LEADING.exec(line)?.[0].length ?? 0;
}

/** Pads to a width in code points, as Python's `%-Ns`: padEnd counts UTF-16 units and comes out short behind an emoji. */
export function padToCodePoints(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - codePoints(text)));
}

/** `len(text)`. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
