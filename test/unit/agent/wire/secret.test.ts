import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { format, inspect } from "node:util";
import fc from "fast-check";
import { Secret } from "../../../../agent/wire/secret.ts";

describe("a secret", () => {
  test("gives its text away only when asked to reveal it", () => {
    assert.equal(new Secret("hunter2").reveal(), "hunter2");
  });

  test("does not show in any way of printing it", () => {
    fc.assert(
      // A mark that no key, class or frame is named by: "length" is a text that printing shows by itself.
      fc.property(fc.stringMatching(/^@[a-z0-9]{6,20}@$/), (text) => {
        const secret = new Secret(text);
        const inside = { user: "deploy", password: secret, list: [secret] };
        const printed = [
          `${secret}`,
          String(secret),
          JSON.stringify(inside),
          inspect(inside, { depth: 9, showHidden: true }),
          format("%s %o %O %j", secret, secret, inside, inside),
          new Error(`no: ${secret}`).message,
          Object.entries(secret).join(),
          JSON.stringify({ ...secret }),
        ];
        for (const text_ of printed) assert.ok(!text_.includes(text), text_);
      }),
    );
  });

  test("prints as [redacted]", () => {
    const secret = new Secret("hunter2");
    assert.equal(`${secret}`, "[redacted]");
    assert.equal(JSON.stringify({ secret }), '{"secret":"[redacted]"}');
    assert.equal(inspect({ secret }), "{ secret: [redacted] }");
  });
});
