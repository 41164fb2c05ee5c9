/**
 * How supervisor reads the values of a section, both ways.
 *
 * A value passes three readers, each with its own quoting: Python's RawConfigParser cuts the line at `;` or `#` after a
 * blank, even inside quotes, and replaces `%(here)s` even after a `%`; then `%` is expanded (options.py, expand); then
 * shlex splits it, in POSIX mode for `command` (process.py, get_execv_args), without it for `environment`
 * (datatypes.py, dict_of_key_value_pairs; POSIX from supervisor 4.3 on). What is written here reads the same in all of
 * these versions, and what can not be is refused instead of being written as something else.
 */

const SAFE_WORD = /^[A-Za-z0-9_@%+=:,./-]+$/;
const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Control characters end lines or words; half a surrogate pair is no text at all. */
const NO_TEXT = /[\p{Cc}\p{Cs}]/u;
const COMMENT_START = /\s[;#]/;
const HERE = "%(here)s";

/** Why `word` can not stand in `command=`, or undefined. */
export function wordProblem(word: string): string | undefined {
  return NO_TEXT.test(word) ? "it holds a control character" : undefined;
}

/** argv as the value of `command=`. The words must have no `wordProblem`. */
export function quoteCommand(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

function quoteWord(word: string): string {
  if (SAFE_WORD.test(word)) return doublePercent(word);
  // `''` between a blank and a comment character, and inside %(here)s, is nothing to shlex and hides both from the
  // config parser.
  const hidden = word
    .replace(/'/g, `'"'"'`)
    .replace(/(\s)(?=[;#])/g, "$1''")
    .replaceAll(HERE, "%''(here)s");
  return `'${doublePercent(hidden)}'`;
}

/** Why `text` can not stand as a bare value (`directory=`, `user=`), which has no quoting, or undefined. */
export function valueProblem(text: string): string | undefined {
  if (text === "") return "it is empty";
  if (text.trim() !== text) return "it begins or ends with a blank";
  return lineProblem(text);
}

/** Text as a bare value. It must have no `valueProblem`. */
export function quoteValue(text: string): string {
  return doublePercent(text);
}

/** Why `name=value` can not stand in `environment=`, or undefined. */
export function environmentProblem(name: string, value: string): string | undefined {
  if (!ENVIRONMENT_NAME.test(name)) return "its name is not made of letters, digits and underscores";
  if (value.includes('"')) return "it holds a double quote";
  if (/^'|'$/.test(value)) return "it begins or ends with a single quote";
  if (value.includes("\\") && value.includes("'")) return "it holds a backslash and a single quote";
  return lineProblem(value);
}

/** A value for `environment=`. No pair may have an `environmentProblem`. */
export function quoteEnvironment(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => {
      // Supervisor 4.3 unescapes inside double quotes, 4.2 does not; inside single quotes neither does.
      const quote = value.includes("\\") ? "'" : '"';
      return `${name}=${quote}${doublePercent(value)}${quote}`;
    })
    .join(",");
}

function lineProblem(text: string): string | undefined {
  if (NO_TEXT.test(text)) return "it holds a control character";
  if (COMMENT_START.test(text)) return "it holds a blank before a ; or #, where supervisor begins a comment";
  if (text.includes(HERE)) return "it holds %(here)s, which supervisor replaces";
  return undefined;
}

function doublePercent(text: string): string {
  return text.replaceAll("%", "%%");
}

/** What supervisor makes of a raw value, or undefined where that depends on what only supervisord knows (`%(ENV_X)s`). */
export function expandValue(raw: string): string | undefined {
  const rest = raw.replaceAll("%%", "");
  return rest.includes("%") ? undefined : raw.replaceAll("%%", "%");
}

/**
 * The argv of an expanded `command`, as Python's shlex.split makes it; undefined where that would raise.
 * https://docs.python.org/3/library/shlex.html#parsing-rules
 */
export function splitCommand(command: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < command.length; at++) {
    const char = command.charAt(at);
    if (/[ \t\r\n]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "\\") {
      at++;
      if (at >= command.length) return undefined;
      word = (word ?? "") + command.charAt(at);
    } else if (char === "'" || char === '"') {
      const quoted = readQuoted(command, at + 1, char);
      if (quoted === undefined) return undefined;
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Reads up to the closing quote; `end` is its index. A backslash means something only before `\` and `"` in `"…"`. */
function readQuoted(text: string, start: number, quote: string): { text: string; end: number } | undefined {
  let read = "";
  for (let at = start; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === quote) return { text: read, end: at };
    const next = text.charAt(at + 1);
    if (quote === '"' && char === "\\" && (next === "\\" || next === '"')) at++;
    read += quote === '"' && char === "\\" && (next === "\\" || next === '"') ? next : char;
  }
  return undefined;
}

/**
 * The pairs of a raw `environment` value. A value that only supervisord can expand is undefined; the whole is undefined
 * where the text is not plain `NAME=value` pairs, since a guess would accuse people of what they did not write.
 */
export function parseEnvironment(raw: string): Map<string, string | undefined> | undefined {
  const pair = /\s*([A-Za-z0-9_/.+():-]+)\s*=\s*("[^"]*"|'[^']*'|[A-Za-z0-9_/.+():%-]+)\s*(?:,|$)/y;
  const pairs = new Map<string, string | undefined>();
  const text = raw.trim();
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    const [, name, value] = match ?? [];
    if (name === undefined || value === undefined) return undefined;
    pairs.set(name, expandValue(value.replace(/^['"]+|['"]+$/g, "")));
  }
  return pairs;
}
