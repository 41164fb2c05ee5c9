/** What of a program's log is shown when a release failed. */
import assert from "node:assert/strict";
import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { linesSince, markLog } from "../../../agent/io/program-log.ts";
import type { ProcessInfo } from "../../../agent/wire/program.ts";

async function startLog(t: TestContext, text: string) {
  const folder = await mkdtemp(join(tmpdir(), "zdr-log-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "shop.log");
  await writeFile(path, text);
  return { path, mark: () => markLog("shop", { stdout_logfile: path, stderr_logfile: "" } as ProcessInfo) };
}

/** Whoever may read the file asks nobody. */
const UNASKED = { readLog: () => assert.fail("supervisord is asked") };

const numbered = (word: string, count: number) => Array.from({ length: count }, (_, at) => `${word} ${at}\n`).join("");

test("what was logged before the flip is not shown", async (t) => {
  const { path, mark } = await startLog(t, "from before\n");
  const since = mark();
  await appendFile(path, "one\n\ntwo\n");
  assert.deepEqual(await linesSince(since, UNASKED), ["one", "two"]);
});

test("a long log keeps its beginning, where the cause stands, and its end", async (t) => {
  const { path, mark } = await startLog(t, "from before\n");
  const since = mark();
  await appendFile(path, `the cause\n${numbered("frame", 200)}the end\n`);
  const lines = await linesSince(since, UNASKED);
  assert.deepEqual([lines[0], lines.at(-1), lines.length], ["the cause", "the end", 61]);
  assert.match(lines[40] ?? "", /142 lines left out/);
});

test("a huge log is read at both ends only", async (t) => {
  const { path, mark } = await startLog(t, "");
  const since = mark();
  await appendFile(path, `the cause\n${numbered("frame", 100_000)}the end\n`);
  const lines = await linesSince(since, UNASKED);
  assert.deepEqual([lines[0], lines.at(-1), lines.length], ["the cause", "the end", 61]);
});

test("a log that was rotated in between is read on both sides of that", async (t) => {
  const { path, mark } = await startLog(t, "from before\n");
  const since = mark();
  await appendFile(path, "last of the old file\n");
  await rename(path, `${path}.1`);
  await writeFile(path, "first of the new file\n");
  assert.deepEqual(await linesSince(since, UNASKED), ["last of the old file", "first of the new file"]);
});

test("a log that was cut in between is read from its beginning", async (t) => {
  const { path, mark } = await startLog(t, "a long line from before\n");
  const since = mark();
  await truncate(path, 0);
  await appendFile(path, "new\n");
  assert.deepEqual(await linesSince(since, UNASKED), ["new"]);
});
