import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { annotation, harmless, harmlessLines, startGroup, summaryOf } from "../../../../../cli/core/ci/github.ts";

describe("an annotation", () => {
  test("stands at its line of the file", () => {
    assert.equal(
      annotation("error", "unknown key", { file: "deploy.yml", line: 3, column: 5 }),
      "::error file=deploy.yml,line=3,col=5,title=zdr::unknown key",
    );
    assert.equal(annotation("warning", "disk nearly full"), "::warning title=zdr::disk nearly full");
  });

  test("keeps what stands in its text from being read as a part of the command", () => {
    const place = { file: "a,b:c%.yml", line: 1, column: 1 };
    assert.equal(
      annotation("error", "100%\nx", place),
      "::error file=a%2Cb%3Ac%25.yml,line=1,col=1,title=zdr::100%25\\nx",
    );
    assert.equal(startGroup("a\nb"), "::group::a%0Ab");
  });
});

describe("a line that a host or a program has written", () => {
  for (const [line, shown] of [
    ["::add-mask::x", ": :add-mask::x"],
    ["  ::error::x", "  : :error::x"],
    ["web1: ##[add-mask]x", "web1: ## [add-mask]x"],
    ["\x85::error::x", "\x85: :error::x"],
    ["\u200b:\xad:error::x", "\u200b: \xad:error::x"],
    ["web1: #\xad#\u200b[add-mask]x", "web1: #\xad# \u200b[add-mask]x"],
  ] as const) {
    test(`is no command of the runner: ${line}`, () => assert.equal(harmless(line), shown));
  }

  test("is no command after a lone carriage return either, which ends a line for the runner", () => {
    assert.equal(harmlessLines("x\r::stop-commands::t\r\n::y\nz\r"), "x\r: :stop-commands::t\r\n: :y\nz\r");
  });

  test("is left as it is otherwise", () => {
    for (const line of ["web1: a::b", "fe80::1 # [x]", ""]) assert.equal(harmless(line), line);
  });
});

describe("the step summary", () => {
  const table = {
    title: "v1.2",
    columns: [{ title: "host" }, { title: "gap" }, { title: "ready", align: "right" as const }],
    rows: [["web1|<b>", "", "62 ms"]],
  };

  test("is the result as a table, without columns that are empty", () => {
    assert.equal(
      summaryOf({ verb: "deploy", tables: [table], failures: [], exit: 0 }),
      "### zdr deploy: v1.2: done\n\n| host | ready |\n| --- | ---: |\n| web1&#124;&lt;b&gt; | 62 ms |\n\n",
    );
  });

  test("says what failed, what state was left and what to do, and folds the program's log away", () => {
    const failure = { error: ["web1: crashed"], state: ["s"], log: ["a ``` b"], hints: ["zdr logs"], exit: 7 };
    const text = summaryOf({ verb: "deploy", tables: [], failures: [failure], exit: 7 });
    assert.match(text, /^### zdr deploy: failed \(exit 7\)\n/);
    assert.match(text, /- \*\*error:\*\* web1: crashed\n- \*\*state:\*\* s\n- \*\*hint:\*\* zdr logs\n/);
    assert.match(text, /<details><summary>log<\/summary>\n\n````text\na ``` b\n````\n\n<\/details>/);
  });

  test("is empty where there is nothing to tell", () =>
    assert.equal(summaryOf({ verb: "status", tables: [{ ...table, rows: [] }], failures: [], exit: 0 }), ""));
});
