/**
 * A command line as argv, by the quoting of a POSIX shell and without its other powers: nothing is expanded, no pipe is
 * made. What a shell would have done something about is refused, rather than handed to the program as text.
 */
import { type Checked, type Complaint, complain } from "./checked.ts";

/** Words that a shell acts on: `&&`, `|`, `;`, `>`, `2>&1`, `<file`. */
const OPERATOR = /^(?:\|\|?|&&?|;|\d*(?:>>?|<).*)$/s;
const NO_SHELL = "no shell reads this command";

interface Word {
  text: string;
  /** Of its first character in the line. */
  readonly offset: number;
  isQuoted: boolean;
}

/** argv of a command line. Complaints carry the offset of the character that they are about. */
export function splitCommand(line: string): Checked<string[]> {
  const words: Word[] = [];
  let word: Word | undefined;
  let index = 0;
  while (index < line.length) {
    const character = line.charAt(index);
    if (/\s/.test(character)) {
      word = undefined;
      index++;
      continue;
    }
    if (word === undefined) {
      word = { text: "", offset: index, isQuoted: false };
      words.push(word);
    }
    const piece = readPiece(line, index);
    if ("problem" in piece) return piece;
    word.text += piece.ok.text;
    word.isQuoted ||= piece.ok.isQuoted;
    index = piece.ok.end;
  }
  return words.map(wordComplaint).find((complaint) => complaint !== undefined) ?? argvOf(words);
}

function argvOf(words: readonly Word[]): Checked<string[]> {
  return words.length === 0 ? complain("is empty") : { ok: words.map(({ text }) => text) };
}

interface Piece {
  readonly text: string;
  readonly isQuoted: boolean;
  /** The index behind it. */
  readonly end: number;
}

/** One quoted stretch, or one character. */
function readPiece(line: string, start: number): Checked<Piece> {
  const character = line.charAt(start);
  if (character === "'") return readSingleQuoted(line, start);
  if (character === '"') return readDoubleQuoted(line, start);
  if (character === "\\") {
    const next = line.charAt(start + 1);
    if (next === "") return complain("ends with a backslash that escapes nothing", undefined, start);
    // As in a shell, a backslash joins two lines.
    return { ok: { text: next === "\n" ? "" : next, isQuoted: true, end: start + 2 } };
  }
  return expansion(line, start) ?? { ok: { text: character, isQuoted: false, end: start + 1 } };
}

function readSingleQuoted(line: string, start: number): Checked<Piece> {
  const end = line.indexOf("'", start + 1);
  if (end < 0) return complain("opens a single quote that is never closed", undefined, start);
  return { ok: { text: line.slice(start + 1, end), isQuoted: true, end: end + 1 } };
}

/** POSIX, Shell Command Language, 2.2.3: a backslash escapes `$`, the backquote, `"`, itself and a line break. */
function readDoubleQuoted(line: string, start: number): Checked<Piece> {
  let text = "";
  for (let index = start + 1; index < line.length; index++) {
    const character = line.charAt(index);
    if (character === '"') return { ok: { text, isQuoted: true, end: index + 1 } };
    const next = line.charAt(index + 1);
    if (character === "\\" && next !== "" && '$`"\\\n'.includes(next)) {
      text += next === "\n" ? "" : next;
      index++;
      continue;
    }
    const refused = expansion(line, index);
    if (refused !== undefined) return refused;
    text += character;
  }
  return complain("opens a double quote that is never closed", undefined, start);
}

function expansion(line: string, index: number): Complaint | undefined {
  const [found] = /^(?:\$[A-Za-z_{(0-9@*#?!$-]|`)/.exec(line.slice(index, index + 2)) ?? [];
  if (found === undefined) return undefined;
  const what = found === "`" ? "a backquote" : '"$"';
  return complain(`holds ${what}, but ${NO_SHELL}`, "put it in single quotes if it is meant as it stands", index);
}

function wordComplaint(word: Word): Complaint | undefined {
  if (/[\p{Cc}\p{Cs}]/u.test(word.text)) return complain("holds a control character", undefined, word.offset);
  if (word.isQuoted || !OPERATOR.test(word.text)) return undefined;
  return complain(`holds "${word.text}", but ${NO_SHELL}`, "put it in quotes if it is meant as it stands", word.offset);
}
