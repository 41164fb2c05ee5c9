import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { TAG_PATTERN } from "../../../../agent/wire/release.ts";
import { checkTag, requireTag } from "../../../../cli/core/tag.ts";
import { explain } from "../../../../cli/explain.ts";
import type { ZdrError } from "../../../../cli/failure.ts";

const suggested = (tag: string) => `did you mean "${tag}"?`;

const BAD: readonly (readonly [tag: string, problem: string, suggestion?: string])[] = [
  ["", "is empty"],
  [".", 'is ".", which names another folder'],
  ["..", 'is "..", which names another folder'],
  ["../x", 'holds "..", which leads out of releases/', suggested("x")],
  ["a/../../b", 'holds "..", which leads out of releases/', suggested("a-..-..-b")],
  ["a/b", 'holds "/", but names a single folder', suggested("a-b")],
  ["/etc", 'holds "/", but names a single folder', suggested("etc")],
  ["refs/tags/v1.2", 'holds "/", but names a single folder', suggested("v1.2")],
  ["-x", 'begins with "-", so that commands would take it for an option', suggested("x")],
  ["--force", 'begins with "-", so that commands would take it for an option', suggested("force")],
  [".hidden", 'begins with "."; the first character is a letter or a digit', suggested("hidden")],
  ["+1", 'begins with "+"; the first character is a letter or a digit', suggested("1")],
  ["v1 2", "holds a blank", suggested("v1-2")],
  ["v1.2\n", "ends with a line break", suggested("v1.2")],
  ["v1.2\r\n", "ends with a line break", suggested("v1.2")],
  ["v1\nv2", "holds a control character", suggested("v1v2")],
  ["v1\u0000", "holds a control character", suggested("v1")],
  ["\u001b[31mv1", "holds a control character", suggested("31mv1")],
  ["v1\u202e2", "holds a control character", suggested("v12")],
  ["vé", "holds a character outside ASCII", suggested("ve")],
  ["v1.2–rc", "holds a character outside ASCII", suggested("v1.2-rc")],
  ["版本", "holds a character outside ASCII"],
  ["v1;rm", 'holds ";"; letters, digits and . _ + - are allowed', suggested("v1-rm")],
  ["v1$(id)", 'holds "$"; letters, digits and . _ + - are allowed', suggested("v1-id")],
  ["a".repeat(129), "is 129 characters long; 128 is the most", suggested("a".repeat(128))],
];

describe("a tag", () => {
  test("names a release if every shell, log and file system can show it", () => {
    for (const tag of ["v1.2", "1", "2026-11-20_10.30", "v1.2.3-rc.1+build5", "a".repeat(128), "current", "a.."]) {
      assert.deepEqual(checkTag(tag), { ok: tag });
    }
  });

  test("what the layout of a host calls something else is no name for a new release", () => {
    for (const tag of ["current", "releases", "none"]) {
      assert.throws(
        () => requireTag(tag, {}),
        (error) => explain((error as ZdrError).failure).error[0]?.includes("zdr calls something else") === true,
        tag,
      );
    }
    assert.equal(requireTag("current-1", {}), "current-1");
  });

  test("each kind of bad one is refused with its own reason", () => {
    for (const [tag, problem, suggestion] of BAD) {
      assert.deepEqual(checkTag(tag), { problem, ...(suggestion && { suggestion }) }, JSON.stringify(tag));
    }
  });

  test("is taken exactly if the wire takes it, and what is suggested instead is taken too", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.stringMatching(/^[./a-z0-9\n-]{0,8}$/));
    fc.assert(
      fc.property(text, (tag) => {
        const checked = checkTag(tag);
        assert.equal("ok" in checked, TAG_PATTERN.test(tag));
        if ("ok" in checked) return;
        assert.notEqual(checked.problem, "");
        const [, better] = /^did you mean "(.*)"\?$/.exec(checked.suggestion ?? "") ?? [];
        if (checked.suggestion !== undefined) assert.match(better ?? "", TAG_PATTERN);
      }),
    );
  });
});
