import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ZdrError } from "../../../cli/failure.ts";
import { parseCommandLine } from "../../../cli/program.ts";

function hintOf(...argv: string[]): string | undefined {
  try {
    parseCommandLine(argv, "1.0.0");
  } catch (error) {
    if (error instanceof ZdrError && error.failure.kind === "usage") return error.failure.hint;
    throw error;
  }
  return undefined;
}

describe("a command line that can not be read", () => {
  test("points to the help of the verb that was asked for", () => {
    assert.equal(hintOf("exec", "ls", "-la"), "see: zdr exec --help");
    assert.equal(hintOf("lock"), "see: zdr lock --help");
  });

  test("points to the whole help where no verb was asked for", () => {
    assert.equal(hintOf("--frobnicate"), "see: zdr --help");
  });

  test("names what was meant, where that can be told", () => {
    assert.match(hintOf("deploy", "--tga", "v1") ?? "", /--tag/);
    assert.match(hintOf("deply") ?? "", /deploy/);
  });
});

describe("which config a command goes by", () => {
  test("may be said before the verb", () => {
    assert.equal(parseCommandLine(["-e", "staging", "-c", "x.yml", "status", "shop"], "1.0.0").verb, "status");
  });

  test("may be said before the verb with its value in the same word", () => {
    for (const flag of ["--environment=staging", "-estaging", "--config=x.yml", "-cx.yml"]) {
      assert.equal(parseCommandLine([flag, "-e", "staging", "status", "shop"], "1.0.0").verb, "status", flag);
      assert.equal(parseCommandLine(["-c", "x.yml", flag, "status", "shop"], "1.0.0").verb, "status", flag);
    }
  });

  test("is refused before a verb that has none", () => {
    assert.equal(hintOf("-e", "staging", "schema"), "see: zdr schema --help");
  });
});
