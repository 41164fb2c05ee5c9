/**
 * The little of XML that XML-RPC uses: its own elements without attributes, text, CDATA, comments, the five named entities
 * and numeric ones. No DOCTYPE, so nothing expands. Control bytes pass.
 */

/** The answer is no XML-RPC. `offset` counts characters of the body after its line ends were made LF. */
export class RpcSyntaxError extends Error {
  override readonly name = "RpcSyntaxError";
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(problem);
    this.offset = offset;
  }
}

const CDATA = "<![CDATA[";
const ELEMENTS: ReadonlySet<string> = new Set([
  ...["methodResponse", "params", "param", "fault", "value", "struct", "member", "name", "array", "data"],
  ...["string", "int", "i4", "double", "boolean"],
]);

type Token =
  | { readonly kind: "open" | "close"; readonly name: string; readonly isEmpty: boolean }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "skip" | "end" };

/** Reads on from `at`; `pending` is a token that was looked at and not yet taken. */
export interface XmlReader {
  readonly text: string;
  at: number;
  pending: Token | undefined;
}

/** A reader at the start of a text, whose CR and CRLF count as LF (XML 1.0, 2.11). */
export function openXml(text: string): XmlReader {
  return { text: text.replace(/\r\n?/g, "\n"), at: 0, pending: undefined };
}

function peekToken(reader: XmlReader): Token {
  while (reader.pending === undefined || reader.pending.kind === "skip") reader.pending = scanToken(reader);
  return reader.pending;
}

function takeToken(reader: XmlReader): Token {
  const token = peekToken(reader);
  // <name/> is the same as <name></name>.
  reader.pending =
    token.kind === "open" && token.isEmpty ? { kind: "close", name: token.name, isEmpty: false } : undefined;
  return token;
}

// indexOf and not a regular expression: those are interpreted at first, and `status` reads one answer and ends.
function scanToken(reader: XmlReader): Token {
  const { text, at: start } = reader;
  if (start >= text.length) return { kind: "end" };
  if (text.charAt(start) !== "<") {
    const end = text.indexOf("<", start);
    reader.at = end === -1 ? text.length : end;
    return { kind: "text", text: decodeEntities(text.slice(start, reader.at), start) };
  }
  if (text.startsWith("<!--", start)) return skipPast(reader, "-->");
  if (text.startsWith("<?", start)) return skipPast(reader, "?>");
  if (!text.startsWith(CDATA, start)) return scanTag(reader);
  skipPast(reader, "]]>");
  return { kind: "text", text: text.slice(start + CDATA.length, reader.at - "]]>".length) };
}

function skipPast(reader: XmlReader, mark: string): Token {
  const end = reader.text.indexOf(mark, reader.at);
  if (end === -1) throw new RpcSyntaxError(`no ${mark}`, reader.at);
  reader.at = end + mark.length;
  return { kind: "skip" };
}

function scanTag(reader: XmlReader): Token {
  const start = reader.at;
  skipPast(reader, ">");
  const isClose = reader.text.charAt(start + 1) === "/";
  const isEmpty = reader.text.charAt(reader.at - 2) === "/";
  const inner = reader.text.slice(start + (isClose ? 2 : 1), reader.at - (isEmpty ? 2 : 1));
  // No attributes: XML-RPC has none, and no element but these.
  const name = ELEMENTS.has(inner) ? inner : inner.trimEnd();
  if (!ELEMENTS.has(name) || (isClose && isEmpty)) throw new RpcSyntaxError("not XML-RPC", start);
  return { kind: isClose ? "close" : "open", name, isEmpty };
}

/** All text up to the next tag, entities decoded; empty where there is none. */
export function takeText(reader: XmlReader): string {
  let text = "";
  for (let token = peekToken(reader); token.kind === "text"; token = peekToken(reader)) {
    text += token.text;
    takeToken(reader);
  }
  return text;
}

function skipBlank(reader: XmlReader): void {
  // Half of an answer is line ends between elements: passed over without making tokens of them.
  if (reader.pending === undefined) while (reader.text.charAt(reader.at) === "\n") reader.at++;
  if (takeText(reader).trim() !== "") throw new RpcSyntaxError("text between elements", reader.at);
}

/** Whether an element opens here, behind white space at most. */
export function hasElement(reader: XmlReader): boolean {
  skipBlank(reader);
  return peekToken(reader).kind === "open";
}

/** The name of the element that opens here. */
export function takeOpen(reader: XmlReader): string {
  skipBlank(reader);
  const token = takeToken(reader);
  if (token.kind !== "open") throw new RpcSyntaxError(`${describe(token)} instead of an element`, reader.at);
  return token.name;
}

export function expectOpen(reader: XmlReader, name: string): void {
  const found = takeOpen(reader);
  if (found !== name) throw new RpcSyntaxError(`<${found}> instead of <${name}>`, reader.at);
}

export function expectClose(reader: XmlReader, name: string): void {
  skipBlank(reader);
  const token = takeToken(reader);
  if (token.kind !== "close" || token.name !== name) {
    throw new RpcSyntaxError(`${describe(token)} instead of </${name}>`, reader.at);
  }
}

/** Nothing but white space and comments may follow. */
export function expectEnd(reader: XmlReader): void {
  skipBlank(reader);
  const token = takeToken(reader);
  if (token.kind !== "end") throw new RpcSyntaxError(`${describe(token)} after the end`, reader.at);
}

function describe(token: Token): string {
  if (token.kind === "end") return "the end of the text";
  return token.kind === "open" || token.kind === "close"
    ? `<${token.kind === "close" ? "/" : ""}${token.name}>`
    : "text";
}

const ENTITIES = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

function decodeEntities(text: string, offset: number): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d+|x[\da-fA-F]+)|(\w+));|&/g, (_, number?: string, name?: string) => {
    const decoded = number === undefined ? ENTITIES.get(name ?? "") : decodeCodePoint(number);
    if (decoded === undefined) throw new RpcSyntaxError("an unknown entity", offset);
    return decoded;
  });
}

function decodeCodePoint(number: string): string | undefined {
  const code = number.startsWith("x") ? Number.parseInt(number.slice(1), 16) : Number.parseInt(number, 10);
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  return code <= 0x10ffff && !isSurrogate ? String.fromCodePoint(code) : undefined;
}
