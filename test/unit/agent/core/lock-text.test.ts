import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeHolder, type LockHolder, lockNumber, parseLock } from "../../../../agent/core/lock-text.ts";

const holder: LockHolder = {
  ...{ pid: 100, startTicks: 7, bootId: "boot", pidNamespace: 1, since: "now", why: "deploy v1", released: false },
  by: { user: "ann", host: "laptop" },
};
const witness = (startTicks: number | "hidden" | undefined, over = {}) => ({
  ...{ bootId: "boot", pidNamespace: 1, startTicksOf: () => startTicks },
  ...over,
});

test("a lock is free when its holder says so", () => {
  assert.equal(judgeHolder({ ...holder, released: true }, witness(7)), "free");
});

test("a live holder is never robbed", () => {
  assert.equal(judgeHolder(holder, witness(7)), "alive");
});

test("a holder that died never blocks anyone", () => {
  assert.equal(judgeHolder(holder, witness(undefined)), "free");
});

test("another process that got the holder's pid is not the holder", () => {
  assert.equal(judgeHolder(holder, witness(8)), "free");
});

test("a reboot ends every lock", () => {
  assert.equal(judgeHolder(holder, witness(7, { bootId: "another" })), "free");
});

test("a holder in another pid namespace counts as alive: its pid means nothing here", () => {
  assert.equal(judgeHolder(holder, witness(undefined, { pidNamespace: 2 })), "elsewhere");
});

test("a holder that /proc hides counts as alive", () => {
  assert.equal(judgeHolder(holder, witness("hidden")), "alive");
});

test("what a holder in another pid namespace has given up is free", () => {
  assert.equal(judgeHolder({ ...holder, released: true }, witness(undefined, { pidNamespace: 2 })), "free");
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
