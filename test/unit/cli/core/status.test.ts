import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatusResult } from "../../../../agent/wire/program.ts";
import { describeHalfway, statusExit, statusText } from "../../../../cli/core/status.ts";

const stdout =
  "group:web_00                     RUNNING   pid 12, uptime 0:00:05\n" +
  "shop                             STOPPED   Not started\n";
const result = (runs: StatusResult["runs"]): StatusResult => ({ stdout, exit: 3, processes: [], runs });

test("without --releases the text is supervisorctl's own, byte for byte", () => {
  assert.equal(statusText(result([{ process: "group:web_00", release: "v1" }]), false), stdout);
});

test("with --releases the release stands behind the line of its process, and nowhere else", () => {
  const text = statusText(result([{ process: "group:web_00", release: "v1" }]), true);
  assert.equal(text, stdout.replace("0:00:05", "0:00:05, release v1"));
});

test("a program that is starting has no description, and its release stands in that place", () => {
  const starting = {
    ...result([{ process: "shop", release: "v3" }]),
    stdout: "shop                             STARTING  \n",
  };
  assert.equal(statusText(starting, true), "shop                             STARTING  release v3\n");
});

test("a process whose release can not be told has none behind it", () => {
  assert.equal(statusText(result([{ process: "shop", release: "" }]), true), stdout);
});

test("over several hosts, something that does not run wins over something unknown, as in supervisorctl", () => {
  assert.equal(statusExit([0, 0]), 0);
  assert.equal(statusExit([0, 4]), 4);
  assert.equal(statusExit([4, 3, 0]), 3);
  assert.equal(statusExit([1, 0]), 1);
});

test("an activation that was cut short is told with what becomes of it, one that is under way with since when", () => {
  const halfway = { tag: "v2", from: "v1", at: "2026-11-20T10:39:12.345Z", isUnderWay: false };
  assert.equal(
    describeHalfway(halfway),
    "the activation of v2, begun 2026-11-20 10:39:12Z, was cut short; the next deploy, rollback or reload finishes it or puts v1 back",
  );
  const { from: _, ...first } = halfway;
  assert.match(describeHalfway(first), /finishes it or takes it away$/);
  assert.equal(describeHalfway({ ...halfway, isUnderWay: true }), "v2 is being activated since 2026-11-20 10:39:12Z");
});
