import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManifestEntries } from "../../../../agent/wire/release.ts";

const FILE = { type: "file", path: "bin/shop", mode: 0o755, size: 3, sha256: "ab" };
const FOLDER = { type: "dir", path: "bin", mode: 0o755 };
const LINK = { type: "link", path: "shop", target: "bin/shop" };

const fits = (value: unknown) => ManifestEntries.safeParse(value).success;

describe("the entries of a manifest", () => {
  test("are files, folders and links", () => {
    assert.deepEqual(ManifestEntries.parse([FILE, FOLDER, LINK]), [FILE, FOLDER, LINK]);
    assert.equal(fits([]), true);
  });

  test("are a list", () => {
    for (const value of [undefined, null, FILE, { length: 0 }, "[]"]) assert.equal(fits(value), false);
  });

  for (const entry of [FILE, FOLDER, LINK]) {
    for (const key of Object.keys(entry)) {
      test(`do not fit where a ${entry.type} has no ${key}, or another kind of value there`, () => {
        for (const value of [
          undefined,
          null,
          true,
          -1,
          0.5,
          1e300,
          [],
          {},
          key === "mode" || key === "size" ? "1" : 1,
        ]) {
          assert.equal(fits([FOLDER, { ...entry, [key]: value }]), false, JSON.stringify(value));
        }
      });
    }
  }

  test("do not fit with one that is no object, or of another type", () => {
    for (const value of [null, undefined, 1, "file", [], { ...FILE, type: "fifo" }]) assert.equal(fits([value]), false);
  });
});
