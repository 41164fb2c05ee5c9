/** A command under way on a host, and whoever fetches what it says. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { Command } from "../../../agent/io/command.ts";

test("a command that says nothing is waited for again and again, and nothing piles up", async (t) => {
  const command = new Command(["sleep", "600"], { cwd: "/", env: process.env });
  t.after(() => command.stop());
  const { signal } = new AbortController();
  for (let asked = 0; asked < 20; asked++) assert.deepEqual(await command.take(5, signal), { chunks: [] });
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("whoever has gone away waits for nothing", async (t) => {
  const command = new Command(["sleep", "600"], { cwd: "/", env: process.env });
  t.after(() => command.stop());
  const gone = new AbortController();
  const taken = command.take(600_000, gone.signal);
  gone.abort();
  assert.deepEqual(await taken, { chunks: [] });
});
