import assert from "node:assert/strict";
import { test } from "node:test";
import { Pulse } from "../../../../../cli/io/session/pulse.ts";

const EVERY_MS = 10;
const LONG_MS = 300;
const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test("silence is counted from the last sign of life on", () => {
  const pulse = new Pulse();
  standStill(LONG_MS);
  assert.ok(pulse.silentMs(LONG_MS) >= LONG_MS - 1);
  pulse.restart();
  assert.ok(pulse.silentMs(LONG_MS) < LONG_MS);
});

test("while this process stands still, nobody is silent", () => {
  const pulse = new Pulse();
  standStill(LONG_MS);
  assert.ok(pulse.silentMs(EVERY_MS) < LONG_MS / 2);
});
