/** Text that came from a host or a file is shown, not obeyed: it must not move the cursor, set a title or hide a word. */

// C0 and C1 controls, DEL, what turns the direction of writing (UAX #9), what breaks a line without being \n, zero
// width characters, and half a surrogate pair.
const HOSTILE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** One line of text, every control character written out: ESC as `\x1b`, a newline as `\n`. Idempotent. */
export function sanitize(text: string): string {
  return text.replace(HOSTILE, writtenOut);
}

/** The same for a line of a log: its tabs stay, as the frames of a Go panic begin with one. */
export function sanitizeLogLine(text: string): string {
  return text.split("\t").map(sanitize).join("\t");
}

/** The same for text of several lines: newlines and tabs stay. */
export function sanitizeLines(text: string): string {
  return text.replace(HOSTILE, (character) =>
    character === "\n" || character === "\t" ? character : writtenOut(character),
  );
}

/**
 * JSON that shows nothing of the kind either. JSON.stringify writes out C0 controls and half surrogate pairs, but leaves
 * C1 controls and what turns the direction of writing as they are. It stays the same JSON.
 */
export function escapeInJson(json: string): string {
  return json.replace(HOSTILE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function writtenOut(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
