import assert from "node:assert/strict";
import { test } from "node:test";
import { freezeNumber, isOver, parseFreeze } from "../../../../agent/core/freeze-text.ts";
import { layoutOf } from "../../../../agent/core/layout.ts";

const freeze = { by: { user: "ann", host: "laptop" }, why: "Monday", since: "2026-01-01T00:00:00Z" };
const NOW = new Date("2026-01-02T00:00:00Z");

test("a freeze without a time holds until somebody ends it", () => {
  assert.equal(isOver(freeze, NOW), false);
});

test("one with a time holds until then, and one whose time can not be read has none", () => {
  assert.equal(isOver({ ...freeze, until: "2026-01-02T00:00:01Z" }, NOW), false);
  assert.equal(isOver({ ...freeze, until: "2026-01-02T00:00:00Z" }, NOW), true);
  assert.equal(isOver({ ...freeze, until: "Monday" }, NOW), false);
});

test("what an older zdr has written is read, and what nobody can read is nothing", () => {
  assert.deepEqual(parseFreeze(JSON.stringify(freeze)), freeze);
  for (const text of ["", "{", "[]", "{}", JSON.stringify({ ...freeze, by: "ann" })])
    assert.equal(parseFreeze(text), undefined, text);
});

test("only a whole number names a freeze, and what is being written is none", () => {
  const layout = layoutOf("/data/web/shop");
  for (const number of [0, 1, 17]) {
    const name = layout.freeze(number).split("/").at(-1) ?? "";
    assert.equal(freezeNumber(name), number);
    assert.equal(freezeNumber(`${name}.42-0123456789ab`), undefined);
  }
  for (const name of ["freeze", "freeze.0.json", "freeze.01.json", "freeze.-1.json", "freeze.1", "lock.1"])
    assert.equal(freezeNumber(name), undefined, name);
});
