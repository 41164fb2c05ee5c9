import assert from "node:assert/strict";
import { test } from "node:test";
import { isFree, type LockHolder, lockNumber, parseLock } from "../../../../agent/core/lock-text.ts";

const holder: LockHolder = {
  ...{ pid: 100, startTicks: 7, bootId: "boot", pidNamespace: 1, since: "now", why: "deploy v1", released: false },
  by: { user: "ann", host: "laptop" },
};
const witness = (startTicks: number | undefined, over = {}) => ({
  ...{ bootId: "boot", pidNamespace: 1, startTicksOf: () => startTicks },
  ...over,
});

test("a lock is free when its holder says so", () => {
  assert.equal(isFree({ ...holder, released: true }, witness(7)), true);
});

test("a live holder is never robbed", () => {
  assert.equal(isFree(holder, witness(7)), false);
});

test("a holder that died never blocks anyone", () => {
  assert.equal(isFree(holder, witness(undefined)), true);
});

test("another process that got the holder's pid is not the holder", () => {
  assert.equal(isFree(holder, witness(8)), true);
});

test("a reboot ends every lock", () => {
  assert.equal(isFree(holder, witness(7, { bootId: "another" })), true);
});

test("a holder in another pid namespace counts as alive: its pid means nothing here", () => {
  assert.equal(isFree(holder, witness(undefined, { pidNamespace: 2 })), false);
});

test("what can not be read is no lock that could be judged", () => {
  assert.equal(parseLock("{"), undefined);
  assert.equal(parseLock('{"pid":1}'), undefined);
  assert.deepEqual(parseLock(JSON.stringify(holder)), holder);
});

test("only lock.<n> is a lock", () => {
  assert.equal(lockNumber("lock.12"), 12);
  for (const name of ["lock.", "lock.01", "lock.1.tmp", "lock.-1", "xlock.1", "lock.1 "]) {
    assert.equal(lockNumber(name), undefined);
  }
});
