import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseColor, chooseMode } from "../../../../../cli/core/report/output-mode.ts";

describe("how a command shows itself", () => {
  test("a terminal gets the tree, anything else plain lines", () => {
    assert.equal(chooseMode({ isTTY: true, env: { TERM: "xterm" }, json: false }), "tree");
    assert.equal(chooseMode({ isTTY: false, env: { TERM: "xterm" }, json: false }), "plain");
  });

  test("a dumb terminal and CI get plain lines even on a terminal", () => {
    assert.equal(chooseMode({ isTTY: true, env: { TERM: "dumb" }, json: false }), "plain");
    assert.equal(chooseMode({ isTTY: true, env: { CI: "true" }, json: false }), "plain");
    assert.equal(chooseMode({ isTTY: true, env: { CI: "false" }, json: false }), "tree");
  });

  test("GitHub and GitLab get what they read", () => {
    assert.equal(chooseMode({ isTTY: false, env: { CI: "true", GITHUB_ACTIONS: "true" }, json: false }), "github");
    assert.equal(chooseMode({ isTTY: false, env: { CI: "true", GITLAB_CI: "true" }, json: false }), "gitlab");
    assert.equal(chooseMode({ isTTY: false, env: { CI: "true" }, json: false }), "plain");
  });

  test("--json wins over everything", () => {
    assert.equal(chooseMode({ isTTY: true, env: { GITHUB_ACTIONS: "true" }, json: true }), "json");
  });
});

describe("colour", () => {
  const cases: [string, boolean, Record<string, string>, boolean][] = [
    ["is used on a terminal", true, {}, true],
    ["is not used elsewhere", false, {}, false],
    ["is not used on a dumb terminal", true, { TERM: "dumb" }, false],
    ["is turned off by NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["is not turned off by an empty NO_COLOR", true, { NO_COLOR: "" }, true],
    [
      "is turned on by FORCE_COLOR, also through a pipe and over NO_COLOR",
      false,
      { FORCE_COLOR: "1", NO_COLOR: "1" },
      true,
    ],
    ["is turned off by FORCE_COLOR=0", true, { FORCE_COLOR: "0" }, false],
  ];
  for (const [name, isTTY, env, wanted] of cases) {
    test(name, () => assert.equal(chooseColor({ isTTY, env }), wanted));
  }
});
