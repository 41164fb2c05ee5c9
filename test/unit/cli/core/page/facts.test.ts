import assert from "node:assert/strict";
import { test } from "node:test";
import { fileNameOf, type ReportFacts } from "../../../../../cli/core/page/facts.ts";
import { momentsOf } from "../../../../../cli/core/page/moments.ts";
import { entryOf, traceOf } from "./sample.ts";

const factsOf = (tag: string, id: string | undefined): ReportFacts => {
  const parts = [{ entry: entryOf({ tag }), trace: undefined, told: undefined }];
  return { project: "shop", id, madeAt: "2026-11-20T10:00:00.000Z", hosts: [{ host: "web1", parts }], silent: [] };
};

test("a page is named after its release and its deploy", () => {
  assert.equal(fileNameOf(factsOf("v1.2", "3f2a91c0")), "report-v1.2-3f2a91c0.html");
  assert.equal(fileNameOf(factsOf("v1.2", undefined)), "report-v1.2.html");
});

for (const nasty of ["x/../../home/op/index", "..", "/etc/passwd", "-x", "a\nb", ""]) {
  test(`nothing that a host says leaves the folder: ${JSON.stringify(nasty)}`, () => {
    assert.equal(fileNameOf(factsOf(nasty, nasty)), "report.html");
  });
}

test("of more moments than can be told apart, how it ended is among those that are shown", () => {
  const many = Array.from({ length: 60 }, (_, atMs) => ({ atMs, what: "ready", program: "shop", pid: atMs + 1 }));
  const moments = [{ atMs: 0, what: "flip" }, ...many, { atMs: 99, what: "failed" }, { atMs: 100, what: "reverted" }];
  const shown = momentsOf({ ...traceOf(), moments }, "shop");
  assert.equal(shown.length, 40);
  assert.deepEqual([shown[0]?.letter, ...shown.slice(-2).map(({ letter }) => letter)], ["F", "X", "V"]);
});
