import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutOf } from "../../../../../agent/core/layout.ts";
import { isOwnFile, withSections } from "../../../../../agent/core/section/file.ts";
import { renderSection } from "../../../../../agent/core/section.ts";
import { programPlan } from "../../../../support/fixtures/plans.ts";

const layout = layoutOf("/data/web/shop");
const section = (process: string) =>
  renderSection(programPlan("restart", { process }), layout, { supervisorIsRoot: true });

test("a new file says who wrote it, and is known again", () => {
  const text = withSections(undefined, [section("a"), section("b")]);
  assert.match(text, /^; written by zdr setup/);
  assert.deepEqual(text.match(/^\[.*$/gm), ["[program:a]", "[program:b]"]);
  assert.ok(isOwnFile(text));
  assert.ok(!isOwnFile(text.replace("; written", "; once written")));
});

test("only the named sections of a file change and nothing else", () => {
  const before = withSections(undefined, [section("a"), section("b")]);
  const after = withSections(before, [{ ...section("a"), text: "[program:a]\ncommand=/new\n" }, section("c")]);
  assert.deepEqual(after.match(/^\[.*$/gm), ["[program:a]", "[program:b]", "[program:c]"]);
  assert.match(after, /command=\/new/);
  assert.ok(after.includes(section("b").text.trimEnd()));
});

test("putting the same sections in again changes nothing", () => {
  const text = withSections(undefined, [section("a"), section("b")]);
  assert.equal(withSections(text, [section("b")]), text);
});

test("a program that is made another kind of section has only that one", () => {
  const own = (listen: boolean) =>
    renderSection(programPlan("bluegreen", listen ? { listen: [{ host: "127.0.0.1", port: 80 }] } : {}), layout, {
      supervisorIsRoot: true,
    });
  const text = withSections(undefined, [own(false), section("b")]);
  const turned = withSections(text, [own(true)]);
  assert.deepEqual(turned.match(/^\[.*$/gm), ["[program:b]", "[fcgi-program:shop]"]);
  assert.deepEqual(withSections(turned, [own(false)]).match(/^\[.*$/gm), ["[program:b]", "[program:shop]"]);
});
