/** A command under way on a host, and whoever fetches what it says. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { Command } from "../../../agent/io/command.ts";
import { readProcess } from "../../../agent/io/process/processes.ts";
import { eventually } from "../../support/eventually.ts";

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

/** All that comes until it has ended. */
async function rest(command: Command): Promise<string> {
  for (let text = ""; ; ) {
    const { chunks, ended } = await command.take(1_000, new AbortController().signal);
    text += chunks.map((chunk) => chunk.text).join("");
    if (ended !== undefined) return text;
  }
}

test("what a command had said is there for a slow reader, however long ago it ended", async (t) => {
  const characters = 380_000;
  const script = `head -c ${characters} /dev/zero | tr '\\0' x`;
  const command = new Command(["sh", "-c", script], { cwd: "/", env: process.env });
  await eventually(() => readProcess(command.pid) === undefined, { name: "its end" });
  // Of one that ends later, and leaves its pipes to somebody else, these have been given up.
  const other = new Command(["sh", "-c", "setsid sleep 600 & echo $!"], { cwd: "/", env: process.env });
  const left = Number(await rest(other));
  t.after(() => process.kill(left));
  assert.equal((await rest(command)).length, characters);
});
