/**
 * XML-RPC as supervisord speaks it (Python's xmlrpc.client over supervisor/xmlrpc.py): calls out, answers in.
 *
 * - Values keep their type: "007" and "true" in a string stay strings; only a number element becomes a number.
 * - CR and CRLF become LF, as a conforming XML parser does: supervisorctl prints LF, and so must `status`.
 * - Raw control bytes in an answer are tolerated, though XML forbids them: supervisord copies spawn errors as they are.
 * - Structs have no prototype, because a program may be named `__proto__`.
 * - A control character in what is sent is refused: supervisord would answer with a parser's traceback.
 */

import type { XmlReader } from "./xml-reader.ts";
import {
  expectClose,
  expectEnd,
  expectOpen,
  hasElement,
  openXml,
  RpcSyntaxError,
  takeOpen,
  takeText,
} from "./xml-reader.ts";

export { RpcSyntaxError } from "./xml-reader.ts";
export type RpcValue = string | number | boolean | readonly RpcValue[] | RpcStruct;
export interface RpcStruct {
  readonly [member: string]: RpcValue;
}
export type RpcResponse =
  | { readonly ok: true; readonly value: RpcValue }
  | { readonly ok: false; readonly code: number; readonly text: string };

/** The text cannot be sent in XML. It carries no copy of the text: that may be anything. */
export class RpcUnsendableError extends Error {
  override readonly name = "RpcUnsendableError";
}

/** Nesting that no method of supervisord comes near; it bounds the recursion below. */
const DEPTH_LIMIT = 32;
const INT32_LIMIT = 2 ** 31;

// All of C0 but the tab, which a program's name may hold; halves of surrogate pairs; U+FFFE and U+FFFF (XML 1.0, 2.2).
const UNSENDABLE =
  /[\x00-\x08\x0a-\x1f\x7f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** The body of a POST to /RPC2. Throws RpcUnsendableError where a string cannot be carried by XML. */
export function encodeCall(method: string, params: readonly RpcValue[]): string {
  const encoded = params.map((param) => `<param>${encodeValue(param)}</param>\n`).join("");
  return `<?xml version='1.0'?>\n<methodCall>\n<methodName>${escapeText(method)}</methodName>\n<params>\n${encoded}</params>\n</methodCall>\n`;
}

function encodeValue(value: RpcValue): string {
  if (typeof value === "string") return `<value><string>${escapeText(value)}</string></value>`;
  if (typeof value === "boolean") return `<value><boolean>${value ? 1 : 0}</boolean></value>`;
  if (typeof value === "number") return `<value>${encodeNumber(value)}</value>`;
  if (isArray(value)) return `<value><array><data>${value.map(encodeValue).join("")}</data></array></value>`;
  const members = Object.entries(value).map(
    ([name, member]) => `<member><name>${escapeText(name)}</name>${encodeValue(member)}</member>`,
  );
  return `<value><struct>${members.join("")}</struct></value>`;
}

function encodeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new RpcUnsendableError("not a finite number");
  const isInt = Number.isInteger(value) && value >= -INT32_LIMIT && value < INT32_LIMIT;
  return isInt ? `<int>${value}</int>` : `<double>${value}</double>`;
}

function escapeText(text: string): string {
  if (UNSENDABLE.test(text)) throw new RpcUnsendableError("a character that XML cannot carry");
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

// Array.isArray does not narrow readonly arrays out of a union.
function isArray(value: RpcValue): value is readonly RpcValue[] {
  return Array.isArray(value);
}

/** True for a struct: neither a list nor a plain value. */
export function isStruct(value: RpcValue | undefined): value is RpcStruct {
  return typeof value === "object" && !isArray(value);
}

/** Reads a whole answer: a value or a fault. Throws RpcSyntaxError on anything else, HTML and a cut answer included. */
export function decodeResponse(body: string): RpcResponse {
  const reader = openXml(body);
  expectOpen(reader, "methodResponse");
  const kind = takeOpen(reader);
  const response = kind === "params" ? readParams(reader) : kind === "fault" ? readFault(reader) : undefined;
  if (response === undefined) throw new RpcSyntaxError(`<${kind}> in a response`, reader.at);
  expectClose(reader, kind);
  expectClose(reader, "methodResponse");
  expectEnd(reader);
  return response;
}

function readParams(reader: XmlReader): RpcResponse {
  expectOpen(reader, "param");
  const value = readValue(reader, 0);
  expectClose(reader, "param");
  return { ok: true, value };
}

function readFault(reader: XmlReader): RpcResponse {
  const fault = readValue(reader, 0);
  if (!isStruct(fault)) throw new RpcSyntaxError("a fault without a struct", reader.at);
  const { faultCode: code, faultString: text } = fault;
  if (typeof code !== "number" || typeof text !== "string") {
    throw new RpcSyntaxError("a fault without faultCode and faultString", reader.at);
  }
  return { ok: false, code, text };
}

function readValue(reader: XmlReader, depth: number): RpcValue {
  if (depth > DEPTH_LIMIT) throw new RpcSyntaxError("nested too deeply", reader.at);
  expectOpen(reader, "value");
  const untyped = takeText(reader);
  if (!hasElement(reader)) {
    expectClose(reader, "value");
    return untyped;
  }
  if (untyped.trim() !== "") throw new RpcSyntaxError("text beside a typed value", reader.at);
  const type = takeOpen(reader);
  const value = readTyped(reader, type, depth);
  expectClose(reader, type);
  expectClose(reader, "value");
  return value;
}

function readTyped(reader: XmlReader, type: string, depth: number): RpcValue {
  switch (type) {
    case "string":
      return takeText(reader);
    case "int":
    case "i4":
      return readNumber(reader, /^[+-]?\d+$/);
    case "double":
      return readNumber(reader, /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/);
    case "boolean":
      // Only "1" and "0" exist: supervisord itself reads <boolean>true</boolean> as false.
      return readNumber(reader, /^[01]$/) === 1;
    case "array":
      return readArray(reader, depth);
    case "struct":
      return readStruct(reader, depth);
    default:
      throw new RpcSyntaxError(`unknown type <${type}>`, reader.at);
  }
}

function readNumber(reader: XmlReader, shape: RegExp): number {
  const text = takeText(reader).trim();
  if (!shape.test(text)) throw new RpcSyntaxError("a malformed number", reader.at);
  return Number(text);
}

function readArray(reader: XmlReader, depth: number): RpcValue[] {
  const items: RpcValue[] = [];
  expectOpen(reader, "data");
  while (hasElement(reader)) items.push(readValue(reader, depth + 1));
  expectClose(reader, "data");
  return items;
}

function readStruct(reader: XmlReader, depth: number): RpcStruct {
  const members: Record<string, RpcValue> = Object.create(null);
  while (hasElement(reader)) {
    expectOpen(reader, "member");
    expectOpen(reader, "name");
    const name = takeText(reader);
    expectClose(reader, "name");
    members[name] = readValue(reader, depth + 1);
    expectClose(reader, "member");
  }
  return members;
}
