import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Header } from "tar/header";
import { TarHeaders } from "../../../../../cli/io/build/tar-header.ts";

const entry = (path: string, mode: number, size: number) => ({
  ...{ type: "file" as const, path, mode, size, sha256: "" },
});

function byTar(path: string, mode: number, size: number): Buffer {
  const block = Buffer.alloc(512);
  new Header({ uid: 0, gid: 0, mtime: new Date(0), type: "File", path, mode, size }).encode(block);
  return block;
}

describe("the header of a file", () => {
  const headers = new TarHeaders();

  test("with a plain name is what tar itself writes, byte for byte, whatever came before it", () => {
    const name = fc
      .string({ minLength: 1, maxLength: 99, unit: "grapheme-ascii" })
      .filter((text) => !/^\/|\/$/.test(text));
    const size = fc.oneof(fc.nat(100_000), fc.nat({ max: 8 ** 11 - 1 }), fc.constantFrom(8 ** 10 - 1, 8 ** 10));
    const mode = fc.constantFrom(0o644, 0o755, 0o600, 0o4755, 0);
    fc.assert(
      fc.property(name, mode, size, (path, bits, bytes) => {
        assert.deepEqual(Buffer.from(headers.of(entry(path, bits, bytes))), byTar(path, bits, bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  test("says its own sum, name and size to whoever reads it", () => {
    const read = new Header(headers.of(entry("bin/shop", 0o755, 34_000_000)));
    assert.deepEqual([read.path, read.mode, read.size, read.cksumValid], ["bin/shop", 0o755, 34_000_000, true]);
  });

  for (const [what, path] of [
    ["of more than a hundred characters", `${"long/".repeat(30)}x`],
    ["that is not ASCII", "caf\u00e9/\u00fcber.js"],
  ] as const) {
    test(`with a name ${what} has a pax record where tar would need one`, () => {
      const bytes = headers.of(entry(path, 0o644, 7));
      const last = new Header(bytes.subarray(bytes.length - 512));
      const isInHeader = last.path === path;
      assert.ok(isInHeader || bytes.includes(`path=${path}\n`), bytes.toString("latin1"));
      assert.deepEqual([last.size, last.cksumValid], [7, true]);
    });
  }
});
