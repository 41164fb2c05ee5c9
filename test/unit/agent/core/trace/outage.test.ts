import assert from "node:assert/strict";
import { test } from "node:test";
import { type Course, outageMs } from "../../../../../agent/core/trace/outage.ts";

/** Restarted at 1,000, failed at 9,000, back by a restart at 9,100 that took 400. */
const COURSE: Course = {
  tried: { action: "restart", at: 1_000 },
  failedAt: 9_000,
  isAtFault: true,
  back: { action: "restart", at: 9_100, readyMs: 400 },
};
const READY = { tried: { action: "restart", at: 1_000, readyAt: 1_500 } } as const;
const RELOAD = { tried: { action: "reload", at: 1_000 } } as const;

test("of a release that was never ready, the outage lasts from the stop of the old one until that is back", () => {
  assert.equal(outageMs(COURSE), 8_500);
  assert.equal(outageMs({ ...COURSE, back: { action: "start", at: 9_010, readyMs: 200 } }), 8_210);
  assert.equal(outageMs({ ...COURSE, back: { action: "none", at: 9_050, readyMs: 0 } }), 8_050);
});

test("the time in which the release that failed was ready does not count", () => {
  assert.equal(outageMs({ ...COURSE, ...READY }), 500 + 500);
});

test("a release that was given up for a hook served until it was stopped", () => {
  assert.equal(outageMs({ ...COURSE, ...READY, isAtFault: false }), 500 + 400);
});

test("after a reload there is an outage only where the old release had to be started again", () => {
  assert.equal(outageMs({ ...COURSE, ...RELOAD, back: { action: "none", at: 9_100, readyMs: 0 } }), undefined);
  assert.equal(outageMs({ ...COURSE, ...RELOAD, back: { action: "reload", at: 9_100, readyMs: 50 } }), undefined);
  assert.equal(outageMs({ ...COURSE, ...RELOAD }), 500);
});

test("what the meter has met tells since when nobody served", () => {
  assert.equal(outageMs({ ...COURSE, ...RELOAD, firstFailureAt: 2_000 }), 7_500);
});
