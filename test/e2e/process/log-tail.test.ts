/** A log that is read while it grows, is rotated and is cut. */
import assert from "node:assert/strict";
import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { lastLines, linesAfter, type Place } from "../../../agent/io/log-tail.ts";

async function startLog(t: TestContext, text: string) {
  const folder = await mkdtemp(join(tmpdir(), "zdr-log-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "shop.log");
  await writeFile(path, text);
  return path;
}

/** All that there is to read since. */
function drain(path: string, from: Place): { lines: string[]; place: Place } {
  const lines: string[] = [];
  for (let place = from; ; ) {
    const read = linesAfter(path, place);
    lines.push(...read.lines);
    if (!read.isMore) return { lines, place: read.place };
    place = read.place;
  }
}

test("the last lines come first, then each further one once, and a line without an end waits for it", async (t) => {
  const path = await startLog(t, "one\ntwo\nthree\nhal");
  const { lines, place } = lastLines(path, 2, true);
  assert.deepEqual(lines, ["two", "three"]);
  assert.deepEqual(linesAfter(path, place).lines, []);
  await appendFile(path, "f\nfive\n");
  const next = drain(path, place);
  assert.deepEqual(next.lines, ["half", "five"]);
  assert.deepEqual(drain(path, next.place).lines, []);
});

test("who does not follow gets a last line without an end too", async (t) => {
  const path = await startLog(t, "one\ntwo");
  assert.deepEqual(lastLines(path, 5, false).lines, ["one", "two"]);
});

test("right after a rotation, the last lines come out of the file before", async (t) => {
  const path = await startLog(t, "one\ntwo\nthree\n");
  await rename(path, `${path}.1`);
  await writeFile(path, "four\n");
  assert.deepEqual(lastLines(path, 3, true).lines, ["two", "three", "four"]);
});

test("what was left of a file that was rotated comes before what its successors have, also after several rotations", async (t) => {
  const path = await startLog(t, "one\n");
  const { place } = lastLines(path, 9, true);
  await appendFile(path, "two\n");
  await rename(path, `${path}.1`);
  await writeFile(path, "three\n");
  await rename(`${path}.1`, `${path}.2`);
  await rename(path, `${path}.1`);
  await writeFile(path, "four\n");
  assert.deepEqual(drain(path, place).lines, ["two", "three", "four"]);
});

test("a file that was cut, or has gone for good and come back, is read from its beginning", async (t) => {
  const path = await startLog(t, "a long line from before\n");
  const { place } = lastLines(path, 9, true);
  await truncate(path, 0);
  await appendFile(path, "new\n");
  const cut = drain(path, place);
  assert.deepEqual(cut.lines, ["new"]);
  await rm(path);
  assert.deepEqual(linesAfter(path, cut.place).lines, []);
  await writeFile(`${path}.other`, "");
  await writeFile(path, "newer\n");
  assert.deepEqual(drain(path, cut.place).lines, ["newer"]);
});

test("a megabyte comes in pieces that lose nothing, and a line longer than a piece in pieces of its own", async (t) => {
  const path = await startLog(t, "");
  const { place } = lastLines(path, 9, true);
  const lines = Array.from({ length: 20_000 }, (_, at) => `line ${at} ${"é".repeat(20)}`);
  await appendFile(path, `${lines.join("\n")}\n`);
  const read = drain(path, place);
  assert.deepEqual(read.lines, lines);
  await appendFile(path, `${"x".repeat(600_000)}\n`);
  assert.equal(drain(path, read.place).lines.join("").length, 600_000);
});
