import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Account, EXECUTE, mayAccess, READ } from "../../../../agent/activation/account.ts";

const account = (uid: number, ...gids: number[]): Account => ({
  ...{ name: "user x", uid, gids: new Set(gids), gid: gids[0] },
});
const file = (mode: number) => ({ uid: 1000, gid: 50, mode });

describe("what the modes of a file let a user do", () => {
  test("the owner is judged by the owner's bits, even where everybody else may do more", () => {
    assert.equal(mayAccess(file(0o700), account(1000), EXECUTE), true);
    assert.equal(mayAccess(file(0o077), account(1000, 50), EXECUTE), false);
  });

  test("a member of the group, by any of its groups, is judged by the group's bits", () => {
    assert.equal(mayAccess(file(0o750), account(33, 33, 50), EXECUTE), true);
    assert.equal(mayAccess(file(0o705), account(33, 50), EXECUTE), false);
  });

  test("anybody else is judged by the bits for everybody", () => {
    assert.equal(mayAccess(file(0o755), account(33, 33), EXECUTE), true);
    assert.equal(mayAccess(file(0o754), account(33, 33), EXECUTE), false);
    assert.equal(mayAccess(file(0o754), account(33, 33), READ), true);
  });

  test("root reads everything, and executes what somebody may execute", () => {
    assert.equal(mayAccess(file(0o000), account(0), READ), true);
    assert.equal(mayAccess(file(0o644), account(0), EXECUTE), false);
    assert.equal(mayAccess(file(0o100), account(0), EXECUTE), true);
  });
});
