import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { RpcValue } from "../../../../../agent/core/supervisor/xml-rpc.ts";
import {
  decodeResponse,
  encodeCall,
  RpcSyntaxError,
  RpcUnsendableError,
} from "../../../../../agent/core/supervisor/xml-rpc.ts";

const response = (value: string) =>
  `<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n${value}\n</param>\n</params>\n</methodResponse>\n`;

function decoded(value: string): RpcValue {
  const answer = decodeResponse(response(value));
  assert.ok(answer.ok);
  return answer.value;
}

/** The value element of a call's only parameter: what the other side would read. */
function sent(value: RpcValue): string {
  const call = encodeCall("m", [value]);
  return call.slice(call.indexOf("<value>"), call.lastIndexOf("</value>") + "</value>".length);
}

describe("an answer", () => {
  test("keeps the type that its element says, and guesses no numbers", () => {
    assert.equal(decoded("<value><string>007</string></value>"), "007");
    assert.equal(decoded("<value><string>true</string></value>"), "true");
    assert.equal(decoded("<value><string>1e5</string></value>"), "1e5");
    assert.equal(decoded("<value><int>-2147483648</int></value>"), -2_147_483_648);
    assert.equal(decoded("<value><i4>42</i4></value>"), 42);
    assert.equal(decoded("<value><double>-1.5e3</double></value>"), -1500);
    assert.equal(decoded("<value><boolean>1</boolean></value>"), true);
    assert.equal(decoded("<value><boolean>0</boolean></value>"), false);
  });

  test("takes a value without a type as text", () => {
    assert.equal(decoded("<value> plain </value>"), " plain ");
    assert.equal(decoded("<value></value>"), "");
    assert.equal(decoded("<value/>"), "");
  });

  test("keeps blanks in text, and takes none between elements", () => {
    assert.equal(decoded("<value>\n<string>  two  spaces  </string>\n</value>"), "  two  spaces  ");
    assert.equal(decoded("<value><string></string></value>"), "");
    assert.equal(decoded("<value><string/></value>"), "");
  });

  test("has CR and CRLF made LF, but a CR written as a number kept", () => {
    assert.equal(decoded("<value><string>a\rb\r\nc\nd</string></value>"), "a\nb\nc\nd");
    assert.equal(decoded("<value><string>a&#13;b</string></value>"), "a\rb");
  });

  test("decodes the five names, numbers of both kinds and CDATA", () => {
    assert.equal(
      decoded("<value><string>&lt;b&gt; &amp;amp; &quot;&apos; ]]&gt;</string></value>"),
      "<b> &amp; \"' ]]>",
    );
    assert.equal(decoded("<value><string>&#233;&#x1F600;&#xe9;</string></value>"), "é😀é");
    assert.equal(decoded("<value><string>a<![CDATA[<&lt;]]>b<!-- not this -->c</string></value>"), "a<&lt;bc");
  });

  test("may hold raw control bytes, as supervisord sends them", () => {
    assert.equal(decoded("<value><string>\x1b[31mred\x00\x7f</string></value>"), "\x1b[31mred\x00\x7f");
  });

  test("keeps lists in lists, as reloadConfig answers", () => {
    const names = (...items: string[]) =>
      `<value><array><data>\n${items.map((item) => `<value><string>${item}</string></value>\n`).join("")}</data></array></value>\n`;
    const body = `<value><array><data>\n<value><array><data>\n${names("new")}${names()}${names("a", "b")}</data></array></value>\n</data></array></value>`;
    assert.deepEqual(decoded(body), [[["new"], [], ["a", "b"]]]);
  });

  test("makes structs without a prototype, so that a program may be called __proto__", () => {
    const member = (name: string) => `<member>\n<name>${name}</name>\n<value><int>1</int></value>\n</member>\n`;
    const struct = decoded(`<value><struct>\n${member("__proto__")}${member("constructor")}</struct></value>`);
    assert.equal(Object.getPrototypeOf(struct), null);
    assert.deepEqual(Object.keys(struct), ["__proto__", "constructor"]);
  });

  test("of a fault is its code and its text", () => {
    const fault =
      "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value><int>10</int></value>\n</member>\n<member>\n<name>faultString</name>\n<value><string>BAD_NAME: nosuch</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n";
    assert.deepEqual(decodeResponse(fault), { ok: false, code: 10, text: "BAD_NAME: nosuch" });
  });
});

describe("no answer", () => {
  const whole = response("<value><string>x</string></value>");
  const malformed = {
    "an empty body": "",
    "an HTML page": "<html><head><title>500</title></head></html>",
    "plain text": "hello",
    "an unknown type": response("<value><i8>1</i8></value>"),
    "a number with text in it": response("<value><int>1x</int></value>"),
    "an empty number": response("<value><int></int></value>"),
    "a boolean in words": response("<value><boolean>true</boolean></value>"),
    "text beside a typed value": response("<value>x<int>1</int></value>"),
    "an unknown entity": response("<value><string>&nbsp;</string></value>"),
    "a bare ampersand": response("<value><string>a & b</string></value>"),
    "half a surrogate pair": response("<value><string>&#xD800;</string></value>"),
    "a number beyond Unicode": response("<value><string>&#x110000;</string></value>"),
    "a wrong closing tag": response("<value><string>x</int></value>"),
    "two values": response("<value><int>1</int></value><value><int>1</int></value>"),
    "text after the end": `${whole}more`,
    "a DOCTYPE": `<!DOCTYPE x [<!ENTITY a "b">]>${whole}`,
    "a fault without a code": "<methodResponse><fault><value><struct></struct></value></fault></methodResponse>",
    "a fault of the wrong kind": "<methodResponse><fault><value>oops</value></fault></methodResponse>",
    "deep nesting": response(
      `${"<value><array><data>".repeat(100)}<value>x</value>${"</data></array></value>".repeat(100)}`,
    ),
  };

  for (const [what, body] of Object.entries(malformed)) {
    test(`is ${what}`, () => {
      assert.throws(() => decodeResponse(body), RpcSyntaxError);
    });
  }

  test("is an answer that was cut anywhere before its last tag", () => {
    const end = whole.trimEnd().length;
    for (let length = 0; length < end; length++) {
      assert.throws(() => decodeResponse(whole.slice(0, length)), RpcSyntaxError, `cut at ${length}`);
    }
  });
});

describe("a call", () => {
  test("is what supervisord reads", () => {
    assert.equal(
      encodeCall("supervisor.startProcess", ["web:shop", false]),
      "<?xml version='1.0'?>\n<methodCall>\n<methodName>supervisor.startProcess</methodName>\n<params>\n" +
        "<param><value><string>web:shop</string></value></param>\n" +
        "<param><value><boolean>0</boolean></value></param>\n</params>\n</methodCall>\n",
    );
  });

  test("escapes what would be markup", () => {
    assert.equal(sent("<a>&\"'"), "<value><string>&lt;a&gt;&amp;\"'</string></value>");
  });

  test("refuses control characters and halves of surrogate pairs, and lets a tab and an emoji through", () => {
    for (const text of ["\0", "a\nb", "\r", "\x1b[0m", "\x7f", "\ud800", "x\udc00", "\uffff"]) {
      assert.throws(() => encodeCall("m", [text]), RpcUnsendableError, JSON.stringify(text));
    }
    assert.throws(() => encodeCall("m", [Number.NaN]), RpcUnsendableError);
    assert.equal(sent("a\t😀"), "<value><string>a\t😀</string></value>");
  });

  test("carries every value that it accepts, without a change", () => {
    const text = fc.string({ unit: "binary" }).filter((each) => !/[\0-\x08\x0a-\x1f\x7f\ufffe\uffff]/.test(each));
    const leaf = fc.oneof(text, fc.boolean(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
    const { value } = fc.letrec<{ value: RpcValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        leaf,
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(text, tie("value"), { maxKeys: 4, noNullPrototype: false }),
      ),
    }));
    fc.assert(
      fc.property(value, (original) => {
        assert.equal(JSON.stringify(decoded(sent(original))), JSON.stringify(original));
      }),
      { numRuns: 300 },
    );
  });
});
