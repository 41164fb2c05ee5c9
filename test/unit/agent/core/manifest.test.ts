import assert from "node:assert/strict";
import { posix } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { impliedFolders, manifestProblem, sharedProblem } from "../../../../agent/core/manifest.ts";
import type { Manifest, ManifestEntry } from "../../../../agent/wire/release.ts";

const SHA = "a".repeat(64);
const file = (path: string, more = {}): ManifestEntry => ({
  ...{ type: "file", path, mode: 0o644, size: 3, sha256: SHA },
  ...more,
});
const dir = (path: string, mode = 0o755): ManifestEntry => ({ type: "dir", path, mode });
const link = (path: string, target: string): ManifestEntry => ({ type: "link", path, target });
const manifest = (...entries: ManifestEntry[]): Manifest => ({ tag: "v1", digest: SHA, entries });

function problemOf(...entries: ManifestEntry[]): string | undefined {
  const failure = manifestProblem(manifest(...entries));
  return failure?.reason === "unsafe-path" ? failure.problem : failure?.reason;
}

describe("a manifest", () => {
  test("with odd but honest names is accepted", () => {
    const names = [
      "a b",
      "it's",
      'say "x"',
      "line\nbreak",
      "ü",
      "日本",
      "...",
      "..x",
      "x..",
      "-rf",
      "$(reboot)",
      "a\\b",
    ];
    assert.equal(manifestProblem(manifest(...names.map((name) => file(name)))), undefined);
  });

  const refusedPaths: readonly (readonly [string, string])[] = [
    ["", "is empty"],
    ["/etc/passwd", "is absolute"],
    ["../x", "has a part .."],
    ["a/../../x", "has a part .."],
    ["a/./b", "has a part ."],
    [".", "has a part ."],
    ["a//b", "has an empty part"],
    ["a/", "has an empty part"],
    ["a\0b", "has a NUL in it"],
    ["a\n", "has a newline at the end of a name"],
    ["a\n/b", "has a newline at the end of a name"],
    ["a\ud800", "is no Unicode text"],
  ];
  for (const [path, problem] of refusedPaths) {
    test(`with the path ${JSON.stringify(path)} is refused, because it ${problem}`, () => {
      assert.equal(problemOf(file(path)), problem);
      assert.equal(problemOf(dir(path)), problem);
      assert.equal(problemOf(link(path, "x")), problem);
    });
  }

  test("names the path that it was refused for", () => {
    assert.deepEqual(manifestProblem(manifest(file("ok"), file("/etc/passwd"))), {
      ...{ reason: "unsafe-path", path: "/etc/passwd", problem: "is absolute" },
    });
  });

  test("with a name twice is refused", () => {
    assert.equal(problemOf(file("a"), file("a")), "appears twice");
    assert.equal(problemOf(dir("a"), link("a", "b")), "appears twice");
  });

  test("with two names that differ only in Unicode normalisation is refused", () => {
    const composed = "caf\u00e9";
    const decomposed = "cafe\u0301";
    assert.equal(
      problemOf(file(composed), file(decomposed)),
      "differs from another name only in Unicode normalisation",
    );
    assert.match(problemOf(dir(composed), file(`${decomposed}/x`)) ?? "", /normalisation/);
  });

  test("with something below a file or a link is refused, in whichever order they come", () => {
    assert.equal(problemOf(file("a"), file("a/b")), "stands below a file");
    assert.equal(problemOf(file("a/b/c"), link("a", ".")), "stands below a link");
  });

  test("need not name the folders that its files stand in", () => {
    const entries = [file("a/b/c"), dir("a"), file("d/e")];
    assert.equal(manifestProblem(manifest(...entries)), undefined);
    assert.deepEqual(impliedFolders(entries).sort(), ["a/b", "d"]);
  });

  test("with a setuid, setgid or sticky bit is refused", () => {
    for (const bit of [0o4000, 0o2000, 0o1000]) {
      assert.equal(problemOf(file("a", { mode: 0o755 | bit })), `has mode ${(0o755 | bit).toString(8)}`);
      assert.equal(problemOf(dir("a", 0o755 | bit)), `has mode ${(0o755 | bit).toString(8)}`);
    }
  });

  test("with an impossible size or hash is refused", () => {
    for (const size of [-1, 0.5, 2 ** 53, Number.NaN])
      assert.equal(problemOf(file("a", { size })), "has an impossible size");
    for (const sha256 of ["", "A".repeat(64), `${SHA}\n`, "../../x"]) {
      assert.equal(problemOf(file("a", { sha256 })), "has no sha256");
    }
  });

  test("with a tag that is no folder name is refused", () => {
    for (const tag of ["../x", "-x", "a/b", "", ".", "..", "x".repeat(129), "a\n", ".hidden"]) {
      assert.equal(manifestProblem({ ...manifest(file("a")), tag })?.reason, "bad-request");
    }
  });
});

describe("a link in a manifest", () => {
  test("may lead anywhere in the release, also to what is not there", () => {
    const entries = [link("l", "bin/shop"), link("bin/back", "../l"), link("bin/here", "."), link("gone", "no/such")];
    assert.equal(problemOf(...entries), undefined);
  });

  for (const target of ["/", "/etc", "..", "../x", "a/../..", "./../x", "a/b/../../../x"]) {
    test(`to ${target} is refused`, () => {
      assert.equal(problemOf(link("l", target)), "leads outside the release");
    });
  }

  test("that leaves the release through another link is refused, though its words stay inside", () => {
    const entries = [dir("deep/a/b"), link("deep/a/b/up", "../../.."), link("deep/c", "a/b/up/../x")];
    assert.equal(problemOf(...entries), "leads outside the release");
  });

  for (const [what, ...folder] of [
    ["named", dir("A"), dir("A/c")],
    ["not named", dir("A/c")],
  ] as const) {
    test(`that leaves the release through a folder, ${what}, is refused also beside a link that differs from the folder only in case`, () => {
      const entries = [link("a", "b/x"), dir("b"), ...folder, link("c", "A/../..")];
      assert.equal(problemOf(...entries), "leads outside the release");
    });
  }

  test("that goes in a circle is refused", () => {
    assert.equal(problemOf(link("a", "b"), link("b", "a")), "is a link that goes in a circle");
    assert.equal(problemOf(link("a", "a")), "is a link that goes in a circle");
  });

  test("to nothing, or with a NUL, is refused", () => {
    assert.equal(problemOf(link("a", "")), "is a link to nothing");
    assert.equal(problemOf(link("a", "b\0c")), "has a NUL in it");
  });
});

describe("whatever is accepted", () => {
  const part = fc.constantFrom("a", "b", "c", "..", ".", "", "caf\u00e9", "cafe\u0301", "x\n", "\0", "d e");
  const path = fc
    .tuple(fc.constantFrom("", "", "", "", "/"), fc.array(part, { minLength: 1, maxLength: 5 }))
    .map(([start, parts]) => start + parts.join("/"));
  const entry = fc.oneof(
    path.map((name) => file(name)),
    path.map((name) => dir(name)),
    fc.tuple(path, path).map(([name, target]) => link(name, target)),
  );
  /** Mostly sound ones, so that what matters is reached. */
  const soundPart = fc.constantFrom("a", "b", "c", "d");
  const soundPath = fc.array(soundPart, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  const climbing = fc.array(fc.constantFrom("a", "b", "c", "d", "..", ".."), { minLength: 1, maxLength: 5 });
  const likelyLink = fc.tuple(soundPath, climbing).map(([name, target]) => link(name, target.join("/")));
  const entries = fc.oneof(
    fc.array(entry, { maxLength: 6 }),
    fc.array(
      fc.oneof(
        soundPath.map((name) => dir(name)),
        likelyLink,
        likelyLink,
      ),
      { maxLength: 5 },
    ),
  );

  test("names no place outside the release", () => {
    let accepted = 0;
    fc.assert(
      fc.property(entries, (list) => {
        if (manifestProblem(manifest(...list)) !== undefined) return;
        accepted += 1;
        for (const { path } of list) assert.ok(posix.join(ROOT, path).startsWith(`${ROOT}/`), path);
        const links = new Map(
          list.flatMap((one) => (one.type === "link" ? [[`${ROOT}/${one.path}`, one.target]] : [])),
        );
        for (const place of links.keys()) {
          const visited: string[] = [];
          realPath(place, links, visited, 0);
          for (const one of visited) assert.ok(one === ROOT || one.startsWith(`${ROOT}/`), `${place} visits ${one}`);
        }
      }),
      { numRuns: 4000 },
    );
    assert.ok(accepted > 500, `only ${accepted} were accepted, so little was tested`);
  });

  test("has no two entries that one file system could take for the same, and nothing below a file or link", () => {
    fc.assert(
      fc.property(entries, (list) => {
        if (manifestProblem(manifest(...list)) !== undefined) return;
        const names = list.map((one) => one.path.normalize("NFC"));
        assert.equal(new Set(names).size, names.length);
        for (const above of list.filter((one) => one.type !== "dir")) {
          assert.ok(!names.some((name) => name.startsWith(`${above.path.normalize("NFC")}/`)), above.path);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

const ROOT = "/data/web/shop/releases/v1";

/** realpath(3) over a made-up tree in which every name that is no link is a folder. Notes each folder that it stands in. */
function realPath(path: string, links: ReadonlyMap<string, string>, visited: string[], depth: number): string {
  assert.ok(depth < 200, "a circle was accepted");
  if (path === ROOT) return ROOT;
  const cut = path.lastIndexOf("/");
  const above = realPath(path.slice(0, cut), links, visited, depth + 1);
  const name = path.slice(cut + 1);
  const place = name === ".." ? posix.dirname(above) : name === "" || name === "." ? above : `${above}/${name}`;
  visited.push(place);
  const target = links.get(place);
  return target === undefined ? place : realPath(`${above}/${target}`, links, visited, depth + 1);
}

describe("a shared path", () => {
  const shared = (dirs: string[], files: string[] = []) => ({ dirs, files });

  test("beside the build is fine, also in a folder of the build", () => {
    assert.equal(
      sharedProblem([dir("storage"), file("bin/shop")], shared(["logs", "storage/up"], [".env"])),
      undefined,
    );
  });

  test("that the build has too is a conflict, as a file, a folder, a link or a folder that is only implied", () => {
    for (const entry of [file("logs"), dir("logs"), link("logs", "x"), file("logs/a")]) {
      assert.deepEqual(sharedProblem([entry], shared(["logs"])), { reason: "shared-conflict", path: "logs" });
    }
  });

  test("below a file or a link of the build is a conflict", () => {
    for (const entry of [file("storage"), link("storage", "x")]) {
      const problem = sharedProblem([entry], shared(["storage/up"]));
      assert.deepEqual(problem, { reason: "shared-conflict", path: "storage/up" });
    }
  });

  test("below another shared path, above it or the same is a conflict", () => {
    assert.equal(sharedProblem([], shared(["a", "a/b"]))?.reason, "shared-conflict");
    assert.equal(sharedProblem([], shared(["a/b", "a"]))?.reason, "shared-conflict");
    assert.equal(sharedProblem([], shared(["a"], ["a"]))?.reason, "shared-conflict");
  });

  test("that leaves the release is refused", () => {
    for (const path of ["../x", "/etc", "", "a/../b"]) {
      assert.equal(sharedProblem([], shared([path]))?.reason, "unsafe-path");
      assert.equal(sharedProblem([], shared([], [path]))?.reason, "unsafe-path");
    }
  });
});
