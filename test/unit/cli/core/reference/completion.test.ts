import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { complete, FILES, type Known } from "../../../../../cli/core/reference/completion.ts";
import { treeOf } from "../../../../../cli/program/tree.ts";
import { buildProgram } from "../../../../../cli/program.ts";

const TREE = treeOf(buildProgram("1.0.0", () => {}));
const KNOWN: Known = {
  hosts: ["web1", "web2", "db1"],
  roles: ["web"],
  labels: ["zone=fra1"],
  programs: ["shop", "worker"],
  environments: ["staging"],
  tags: ["v2", "v1"],
  keys: ["keep", "programs"],
  samples: ["go-grace", "go-plain", "gunicorn"],
};

function offered(...words: string[]): string[] | typeof FILES {
  const found = complete(TREE, words, () => KNOWN);
  return found === FILES ? found : found.map(({ text }) => text);
}

describe("what may come next", () => {
  test("first is a verb, with what it does", () => {
    assert.deepEqual(offered("rol"), ["rollback"]);
    const [verb] = complete(TREE, ["deplo"], () => KNOWN);
    assert.deepEqual(verb, { text: "deploy", help: "put a build on the hosts and make it serve" });
    assert.deepEqual(offered("--v"), ["--version"]);
  });

  test("behind a verb are its own flags", () => {
    assert.deepEqual(offered("deploy", "--dry"), ["--dry-run"]);
    assert.deepEqual(offered("status", "--dry"), []);
  });

  for (const [words, wanted] of [
    [
      ["deploy", "--host", "web"],
      ["web1", "web2"],
    ],
    [["deploy", "-H", "web1", "d"], ["db1"]],
    [
      ["deploy", "--except", ""],
      ["web1", "web2", "db1", "web"],
    ],
    [["deploy", "--role", ""], ["web"]],
    [["deploy", "--label", "z"], ["zone=fra1"]],
    [["deploy", "-e", ""], ["staging"]],
    [
      ["deploy", "--tag", ""],
      ["v2", "v1"],
    ],
    [["rollback", "--to", "v1"], ["v1"]],
    [
      ["init", "--sample", "go-"],
      ["go-grace", "go-plain"],
    ],
    [["init", "--reload", "gun"], ["gunicorn"]],
    [
      ["init", "--ci", "git"],
      ["github", "gitlab"],
    ],
  ] as const) {
    test(`behind a flag is what it takes: zdr ${words.join(" ")}`, () => assert.deepEqual(offered(...words), wanted));
  }

  test("behind a flag that takes a file are files", () => {
    assert.equal(offered("deploy", "--config", "de"), FILES);
    assert.equal(offered("deploy", "--junit", ""), FILES);
  });

  test("an argument is what the verb asks for, each once", () => {
    assert.deepEqual(offered("reload", ""), ["shop", "worker"]);
    assert.deepEqual(offered("reload", "shop", ""), ["worker"]);
    assert.deepEqual(offered("reload", "--wait", "5m", ""), ["shop", "worker"]);
    assert.deepEqual(offered("explain", "k"), ["keep"]);
    assert.deepEqual(offered("explain", "keep", ""), []);
    assert.deepEqual(offered("completion", ""), ["bash", "zsh", "fish"]);
  });

  test("nothing is offered behind a verb that there is not", () => assert.deepEqual(offered("nonsense", ""), []));
});
