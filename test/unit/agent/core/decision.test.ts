import assert from "node:assert/strict";
import { test } from "node:test";
import { isDown, stepOf } from "../../../../agent/core/decision.ts";

test("a stopped program is started, not reloaded", () => {
  for (const state of ["STOPPED", "EXITED", "FATAL"]) assert.equal(stepOf(state), "start");
});

test("a running program is reloaded", () => {
  assert.equal(stepOf("RUNNING"), "reload");
});

test("a program on its way up or down is waited for", () => {
  assert.equal(stepOf("STARTING"), "wait");
  assert.equal(stepOf("STOPPING"), "wait");
});

test("supervisor's attempts are ended before a start, because it answers ALREADY_STARTED to one", () => {
  assert.equal(stepOf("BACKOFF"), "stop-then-start");
});

test("a program that supervisor has lost, or a state that we do not know, is refused", () => {
  for (const state of ["UNKNOWN", "PAUSED", "", "__proto__", "constructor"]) assert.equal(stepOf(state), "refuse");
});

test("only what supervisor will not start by itself counts as down", () => {
  const down = ["STOPPED", "EXITED", "FATAL", "RUNNING", "STARTING", "BACKOFF", "STOPPING", "UNKNOWN"].filter(isDown);
  assert.deepEqual(down, ["STOPPED", "EXITED", "FATAL"]);
});
