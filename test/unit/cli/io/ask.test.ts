import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { ZdrError } from "../../../../cli/failure.ts";
import { ask } from "../../../../cli/io/ask.ts";

function answer(keys: string): Promise<string> {
  const input = new PassThrough();
  const asked = ask("Name", "shop", { input, output: new PassThrough() });
  input.write(keys);
  return asked;
}

test("what is typed is the answer, and Enter takes the suggestion", async () => {
  assert.equal(await answer("api\r"), "api");
  assert.equal(await answer("\r"), "shop");
});

for (const [name, key] of [
  ["Ctrl-C", "\x03"],
  ["Ctrl-D", "\x04"],
] as const) {
  test(`${name} at a question is an interruption and no bug`, async () => {
    await assert.rejects(answer(key), (error) => error instanceof ZdrError && error.failure.kind === "interrupted");
  });
}

test("a question that is called off ends as one that is answered with Ctrl-C, also before it is asked", async () => {
  for (const isEarly of [true, false]) {
    const controller = new AbortController();
    if (isEarly) controller.abort();
    const streams = { input: new PassThrough(), output: new PassThrough() };
    const asked = ask("Name", "shop", { ...streams, isDumb: true, abort: controller.signal });
    if (!isEarly) controller.abort();
    await assert.rejects(asked, (error) => error instanceof ZdrError && error.failure.kind === "interrupted");
  }
});
