import assert from "node:assert/strict";
import { test } from "node:test";
import { momentsOf } from "../../../../../cli/core/page/moments.ts";
import { traceOf } from "./sample.ts";

const wordsOf = (letter: string, moments: ReturnType<typeof momentsOf>) =>
  moments.filter((moment) => moment.letter === letter).map(({ words }) => words);

test("what gets ready is the new release, and once that has failed the old one again", () => {
  const trace = traceOf();
  assert.deepEqual(wordsOf("R", momentsOf(trace, "shop")), ["ready: proved to run the release, and healthy (pid 7)"]);
  const moments = [
    ...trace.moments.filter(({ what }) => what !== "kept" && what !== "drained"),
    { atMs: 500, what: "failed", detail: "unhealthy" },
    { atMs: 600, what: "ready", program: "shop", pid: 7 },
    { atMs: 610, what: "reverted", detail: "to v1" },
  ];
  assert.deepEqual(wordsOf("R", momentsOf({ ...trace, moments }, "shop")), [
    "ready: proved to run the release, and healthy (pid 7)",
    "ready: the old release again, proved, and healthy (pid 7)",
  ]);
});
