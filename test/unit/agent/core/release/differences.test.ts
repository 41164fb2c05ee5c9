import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compareTree, type Found, sharedTarget } from "../../../../../agent/core/release/differences.ts";
import type { ManifestEntry } from "../../../../../agent/wire/release.ts";

const ENTRIES: readonly ManifestEntry[] = [
  { type: "file", path: "bin/shop", mode: 0o755, size: 10, sha256: "a".repeat(64) },
  { type: "dir", path: "empty", mode: 0o755 },
  { type: "link", path: "latest", target: "bin/shop" },
];
const TREE: Readonly<Record<string, Found>> = {
  ".": { type: "dir", mode: 0o755 },
  bin: { type: "dir", mode: 0o755 },
  "bin/shop": { type: "file", mode: 0o755, size: 10 },
  empty: { type: "dir", mode: 0o755 },
  latest: { type: "link", target: "bin/shop" },
};
const compare = (changes: Readonly<Record<string, Found | undefined>>) => {
  const tree = Object.entries({ ...TREE, ...changes }).filter((one): one is [string, Found] => one[1] !== undefined);
  return compareTree(ENTRIES, new Map(tree), 0o755);
};
const differences = (changes: Readonly<Record<string, Found | undefined>>) =>
  compare(changes).differences.map(({ path, how, was, is }) => [path, how, was, is].filter((part) => part).join(" "));

describe("a release beside its manifest", () => {
  test("what is as it was published differs in nothing, and its files are to be read", () => {
    const { differences: found, toRead } = compare({});
    assert.deepEqual(found, []);
    assert.deepEqual(
      toRead.map(({ path }) => path),
      ["bin/shop"],
    );
  });

  test("another size, mode, target or type is told with what it was", () => {
    assert.deepEqual(differences({ "bin/shop": { type: "file", mode: 0o755, size: 11 } }), ["bin/shop size 10 11"]);
    assert.deepEqual(differences({ "bin/shop": { type: "file", mode: 0o4755, size: 10 } }), [
      "bin/shop mode 0755 4755",
    ]);
    assert.deepEqual(differences({ latest: { type: "link", target: "/etc" } }), ["latest target bin/shop /etc"]);
    assert.deepEqual(differences({ "bin/shop": { type: "other" } }), ["bin/shop type file other"]);
    assert.deepEqual(differences({ bin: { type: "dir", mode: 0o777 } }), ["bin mode 0755 0777"]);
    assert.deepEqual(differences({ ".": { type: "dir", mode: 0o775 } }), [". mode 0755 0775"]);
  });

  test("a file of another size is not read: it is known to differ", () => {
    assert.deepEqual(compare({ "bin/shop": { type: "file", mode: 0o755, size: 11 } }).toRead, []);
  });

  test("what is missing and what is more is named, each file of its own", () => {
    const extra: Found = { type: "file", mode: 0o644, size: 1 };
    assert.deepEqual(differences({ empty: undefined, "bin/more": extra, "a/b": extra, a: TREE.bin }), [
      "empty removed",
      "bin/more added file",
      "a/b added file",
      "a added dir",
    ]);
  });

  test("a folder that was replaced by a link is told, and what it held is missing", () => {
    const found = differences({ bin: { type: "link", target: "/etc" }, "bin/shop": undefined });
    assert.deepEqual(found, ["bin type dir link", "bin/shop removed"]);
  });

  test("shared links belong to it, with the folders that lead to them, but not links that only look like them", () => {
    const shared = { "var/logs": { type: "link", target: sharedTarget("var/logs") }, var: TREE.bin } as const;
    assert.deepEqual(differences(shared), []);
    const strange = { "var/logs": { type: "link", target: sharedTarget("var/other") }, var: TREE.bin } as const;
    assert.deepEqual(differences(strange), ["var/logs added link", "var added dir"]);
  });

  test("below a folder that nobody could read nothing is called removed", () => {
    const found = differences({ bin: { type: "dir", mode: 0o755, isClosed: true }, "bin/shop": undefined });
    assert.deepEqual(found, ["bin unreadable"]);
  });

  test("what Python keeps beside its sources is told once, and told apart", () => {
    const file: Found = { type: "file", mode: 0o644, size: 1 };
    const found = differences({ "bin/__pycache__": TREE.bin, "bin/__pycache__/app.cpython-311.pyc": file });
    assert.deepEqual(found, ["bin/__pycache__ cached"]);
  });
});
