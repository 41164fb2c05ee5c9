import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  memberPath,
  nameProblem,
  normalisationTwin,
  releaseMode,
  staysInside,
} from "../../../../cli/core/build-rules.ts";

describe("modes", () => {
  test("are normalised to a+rX,go-w", () => {
    const cases: readonly (readonly [number, boolean, number])[] = [
      [0o600, false, 0o644],
      [0o700, false, 0o755],
      [0o755, false, 0o755],
      [0o666, false, 0o644],
      [0o4711, false, 0o755],
      [0o400, false, 0o444],
      [0o700, true, 0o755],
      [0o1777, true, 0o755],
      [0o2770, true, 0o755],
      [0o500, true, 0o555],
    ];
    for (const [mode, isFolder, want] of cases) assert.equal(releaseMode(mode, isFolder, "normalize"), want);
  });

  test("are readable by all, writable by nobody else and without special bits, whatever they were", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0o7777 }), fc.boolean(), (mode, isFolder) => {
        const kept = releaseMode(mode, isFolder, "normalize") ?? -1;
        assert.equal(kept & 0o444, 0o444);
        assert.equal(kept & 0o7022, 0);
        assert.equal(releaseMode(kept, isFolder, "normalize"), kept);
      }),
    );
  });

  test("are kept under preserve, but setuid, setgid and sticky are never part of a release", () => {
    assert.equal(releaseMode(0o640, false, "preserve"), 0o640);
    assert.equal(releaseMode(0o2770, true, "preserve"), 0o770);
    for (const mode of [0o4755, 0o2755, 0o1755]) assert.equal(releaseMode(mode, false, "preserve"), undefined);
    assert.equal(releaseMode(0o1777, true, "preserve"), undefined);
  });
});

describe("names", () => {
  test("with a newline inside are fine, at the end they are refused", () => {
    assert.equal(nameProblem("a\nb"), undefined);
    assert.match(nameProblem("a\n") ?? "", /newline/);
  });

  test("that differ only in Unicode normalisation are found", () => {
    assert.equal(normalisationTwin(["caf\u00e9", "cafe\u0301"]), "cafe\u0301");
    assert.equal(normalisationTwin(["caf\u00e9", "cafe", "a", "A"]), undefined);
  });

  test("of archive members lose ./ and a / at the end, and never lead out", () => {
    assert.equal(memberPath("./bin/shop"), "bin/shop");
    assert.equal(memberPath("bin/"), "bin");
    assert.equal(memberPath("./"), ".");
    for (const path of ["/etc/passwd", "../x", "a/../../x", "a/..", "a\0b"]) assert.equal(memberPath(path), undefined);
  });
});

describe("a link's words", () => {
  test("stay inside or do not", () => {
    for (const target of ["b", "../c", "./x/..", "../../top", "x/../../b"])
      assert.ok(staysInside("a/b/l", target), target);
    for (const target of ["/b", "../../..", "../../../x", "x/../../../.."])
      assert.ok(!staysInside("a/b/l", target), target);
    assert.ok(!staysInside("l", ".."));
  });
});
