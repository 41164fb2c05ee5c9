/** What answers at supervisord's socket, whatever that is: a value, a fault, or no XML-RPC. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigSyntaxError } from "../../agent/core/supervisor/config-lines.ts";
import { processInfoOf, ShapeError } from "../../agent/core/supervisor/process-info.ts";
import { parseServerUrl } from "../../agent/core/supervisor/server-url.ts";
import { decodeResponse, encodeCall, RpcSyntaxError, type RpcValue } from "../../agent/core/supervisor/xml-rpc.ts";
import { Answer } from "../../agent/io/supervisor/answer.ts";
import { fuzz, orRefused } from "../support/fuzz/fuzz.ts";
import { mutatedText, NASTY_TEXTS } from "../support/fuzz/mutate.ts";

const INFO = {
  ...{ name: "shop", group: "shop", state: 20, statename: "RUNNING", description: "pid 1, uptime 0:00:05", pid: 1 },
  ...{ start: 1, stop: 0, now: 2, spawnerr: "", exitstatus: 0, stdout_logfile: "/x", stderr_logfile: "" },
};
const text = fc.oneof(fc.constantFrom(...NASTY_TEXTS), fc.string({ unit: "grapheme", maxLength: 10 }));
const value = fc.letrec<{ value: RpcValue; list: RpcValue; struct: RpcValue }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, text, fc.integer(), fc.boolean(), fc.constant(INFO), tie("list"), tie("struct")),
  list: fc.array(tie("value"), { maxLength: 3 }),
  struct: fc.dictionary(text, tie("value"), { maxKeys: 3 }),
})).value;

/** As xmlrpc.client writes it; what XML can not carry is written all the same, as supervisord does. */
function answer(given: RpcValue): string {
  return `<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n${xml(given)}\n</param>\n</params>\n</methodResponse>\n`;
}

function xml(given: RpcValue): string {
  const escaped = (plain: string) => plain.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  if (typeof given === "string") return `<value><string>${escaped(given)}</string></value>`;
  if (typeof given === "number") return `<value><int>${given}</int></value>`;
  if (typeof given === "boolean") return `<value><boolean>${given ? 1 : 0}</boolean></value>`;
  if (Array.isArray(given)) return `<value><array><data>\n${given.map(xml).join("\n")}\n</data></array></value>`;
  const members = Object.entries(given).map(
    ([name, one]) => `<member>\n<name>${escaped(name)}</name>\n${xml(one)}\n</member>`,
  );
  return `<value><struct>\n${members.join("\n")}\n</struct></value>`;
}

const FAULT = answer({ faultCode: 10, faultString: "BAD_NAME: nosuch" })
  .replace("<params>\n<param>", "<fault>")
  .replace("</param>\n</params>", "</fault>");
const TOKENS = [
  ...[
    "<value>",
    "</value>",
    "<struct>",
    "</struct>",
    "<member>",
    "<name>",
    "<array>",
    "<data>",
    "<string>",
    "<string/>",
    "<int>",
  ],
  ...[
    "<i8>1</i8>",
    "<nil/>",
    "<double>",
    "<boolean>true</boolean>",
    "<methodResponse>",
    "</methodResponse>",
    "<fault>",
    "<params/>",
  ],
  ...[
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE x [<!ENTITY a 'aaaa'>]>",
    "&a;",
    "&#0;",
    "&#x110000;",
    "&#xd800;",
    "&amp",
    "<?x",
  ],
  ...["<value a='b'>", "< value>", "</ value>", "<VALUE>", "<html>", "faultCode", ...NASTY_TEXTS],
];

const isRefusal = (error: unknown) => error instanceof RpcSyntaxError;

fuzz(
  "a mutated answer is a value, a fault, or no XML-RPC",
  mutatedText(fc.oneof(value.map(answer), fc.constant(FAULT)), TOKENS),
  (body) => {
    const response = orRefused(() => decodeResponse(body), isRefusal);
    if (response?.ok !== true) return;
    assertOwn(response.value);
    orRefused(
      () => processInfoOf(response.value),
      (error) => error instanceof ShapeError,
    );
  },
);

fuzz("what supervisord answers is read as it was meant", value, (given) => {
  const response = decodeResponse(answer(given));
  assert.ok(response.ok);
  // Not by way of JSON: V8 13 reads the key "\ud83d" as "\\" where an object before had that one.
  assert.deepEqual(plain(response.value), asXml(given));
});

fuzz("any text at all is no crash", fc.string({ unit: "binary", maxLength: 300 }), (body) => {
  orRefused(() => decodeResponse(body), isRefusal);
  orRefused(
    () => parseServerUrl(body, { cwd: "/", homeOf: () => "/root" }),
    (error) => error instanceof ConfigSyntaxError,
  );
});

const HTTP = "HTTP/1.1 200 OK\r\nServer: Medusa/1.12\r\nContent-Type: text/xml\r\nContent-Length: 9\r\n\r\n<a>bc</a>";
const HTTP_TOKENS = [
  "\r\n",
  "\r\n\r\n",
  "Content-Length: ",
  "Transfer-Encoding: chunked",
  "HTTP/1.1 ",
  "-5",
  "1e9",
  "999999999999",
  ...NASTY_TEXTS,
];

fuzz(
  "a mutated HTTP answer is one, is not whole yet, or is none",
  fc.tuple(mutatedText(fc.constant(HTTP), HTTP_TOKENS), fc.integer({ min: 1, max: 40 })),
  ([text, pieceLength]) => {
    const answer = new Answer();
    for (let at = 0; at < text.length; at += pieceLength)
      if (answer.take(Buffer.from(text.slice(at, at + pieceLength))) !== undefined) return;
    if (answer.isWhole(true)) assert.equal(typeof answer.read().status, "number");
  },
);

fuzz("no name or argument leaves its place in a call", fc.tuple(text, text), ([method, param]) => {
  const call = orRefused(
    () => encodeCall(method, [param]),
    () => true,
  );
  if (call === undefined) return;
  assert.equal(call.split("<param>").length, 2);
  assert.equal(call.split("<methodName>").length, 2);
});

/** Line ends of a text are LF, in names too (XML 1.0, 2.11). */
function asXml(given: RpcValue): unknown {
  const lines = (plain: string) => plain.replace(/\r\n?/g, "\n");
  if (typeof given === "string") return lines(given);
  if (typeof given !== "object") return given;
  if (Array.isArray(given)) return given.map(asXml);
  return Object.fromEntries(Object.entries(given).map(([name, inner]) => [lines(name), asXml(inner)]));
}

/** With a prototype, as deepEqual wants it. */
function plain(given: RpcValue): unknown {
  if (typeof given !== "object") return given;
  if (Array.isArray(given)) return given.map(plain);
  return Object.fromEntries(Object.entries(given).map(([name, inner]) => [name, plain(inner)]));
}

function assertOwn(given: RpcValue): void {
  if (typeof given !== "object") return;
  if (!Array.isArray(given)) assert.equal(Object.getPrototypeOf(given), null);
  for (const inner of Object.values(given)) assertOwn(inner);
}
