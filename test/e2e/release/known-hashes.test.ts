/** What is remembered of a build between two deploys: on real files, with the times that the kernel gives them. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type ScannedBuild, scanBuild } from "../../../cli/io/build/build.ts";
import { type KnownHashes, openKnownHashes } from "../../../cli/io/build/known-hashes.ts";
import { makeReleaseRig, type ReleaseRig } from "../../support/fixtures/releases.ts";

/** As if the files had been made so long ago: nobody wants to wait for it. */
const LATER_MS = 10_000;

let rig: ReleaseRig;
let build: string;
let cache: string;
beforeEach(() => {
  rig = makeReleaseRig();
  cache = rig.path("cache");
  mkdirSync(cache);
  build = rig.build("build", { server: "one", "public/index.html": "<p>" });
});
afterEach(() => rig.remove());

interface Scanned extends ScannedBuild {
  /** Files that had to be read. */
  readonly read: readonly string[];
}

/** Reads the build as a deploy does, `laterMs` from now. */
async function scan(laterMs = LATER_MS): Promise<Scanned> {
  const known = openKnownHashes(cache, build, Date.now() + laterMs);
  assert.ok(known);
  const read: string[] = [];
  const watched: KnownHashes = {
    ...known,
    note: (path, stat, sha256) => {
      read.push(path);
      known.note(path, stat, sha256);
    },
  };
  const scanned = await scanBuild(build, { modes: "normalize", known: watched });
  known.save();
  return { ...scanned, read };
}

const cacheFile = () => join(cache, "builds", readdirSync(join(cache, "builds"))[0] ?? "none");

describe("a build that was deployed before", () => {
  test("is not read again, and hashes to the same", async () => {
    const first = await scan();
    assert.deepEqual([...first.read].sort(), ["public/index.html", "server"]);
    const second = await scan();
    assert.deepEqual(second.read, []);
    assert.equal(second.digest, first.digest);
    assert.deepEqual(second.entries, first.entries);
    assert.deepEqual(second.marks, first.marks);
  });

  test("is read where it was changed, and nowhere else", async () => {
    const first = await scan();
    appendFileSync(join(build, "server"), "!");
    const second = await scan();
    assert.deepEqual(second.read, ["server"]);
    assert.notEqual(second.digest, first.digest);
  });

  test("is read where a file got other bytes of the same length, and its old time back", async () => {
    const place = join(build, "server");
    const { atime, mtime } = statSync(place);
    const first = await scan();
    writeFileSync(place, "two");
    utimesSync(place, atime, mtime);
    const second = await scan();
    assert.deepEqual(second.read, ["server"]);
    assert.notEqual(second.digest, first.digest);
  });

  test("is read again where it was changed just before it was read: a second change could leave the same time", async () => {
    await scan(0);
    assert.equal((await scan(0)).read.length, 2);
  });

  test("keeps its modes: they are looked at each time", async () => {
    await scan();
    chmodSync(join(build, "server"), 0o755);
    const server = (await scan()).entries.find(({ path }) => path === "server");
    assert.equal(server?.type === "file" && server.mode, 0o755);
  });

  test("is read again after it was forgotten", async () => {
    await scan();
    openKnownHashes(cache, build, Date.now())?.forget();
    assert.equal((await scan()).read.length, 2);
  });
});

describe("what is remembered", () => {
  test("lies in a folder and a file of this user's alone", async () => {
    await scan();
    assert.equal(statSync(join(cache, "builds")).mode & 0o777, 0o700);
    assert.equal(statSync(cacheFile()).mode & 0o777, 0o600);
  });

  test("counts for nothing where others may write there", async () => {
    await scan();
    chmodSync(join(cache, "builds"), 0o770);
    assert.equal((await scan()).read.length, 2);
  });

  for (const [what, content] of [
    ["torn", (text: string) => text.slice(0, text.length / 2)],
    ["empty", () => ""],
    ["null", () => "null"],
    ["of another version", (text: string) => text.replace('"version":1', '"version":2')],
    ["of another build", (text: string) => text.replace('"build":"', '"build":"/other')],
    ["without files", (text: string) => text.replace(/"files":.*/, '"files":7}')],
    ["of another shape", (text: string) => text.replace(/\[[^\]]*\]/g, "[1,2]")],
    ["without hashes", (text: string) => text.replace(/"[0-9a-f]{64}"/g, '"../../etc/passwd"')],
  ] as const) {
    test(`counts for nothing where the file is ${what}`, async () => {
      const { digest } = await scan();
      writeFileSync(cacheFile(), content(readFileSync(cacheFile(), "utf8")));
      const second = await scan();
      assert.equal(second.read.length, 2);
      assert.equal(second.digest, digest);
    });
  }

  test("is done without where it can not be written", async () => {
    cache = rig.path("nowhere");
    assert.equal((await scan()).read.length, 2);
    assert.equal((await scan()).read.length, 2);
  });

  test("is nothing where a file system's times are not the kernel's own", () => {
    assert.equal(openKnownHashes(cache, "/proc/self", Date.now()), undefined);
    assert.equal(openKnownHashes(cache, rig.path("not-there"), Date.now()), undefined);
  });

  test("does not pile up: of many builds the last ones are kept", async () => {
    for (let number = 0; number < 25; number++) {
      build = rig.build(`build-${number}`, { file: "x" });
      await scan();
    }
    assert.equal(readdirSync(join(cache, "builds")).length, 20);
    assert.deepEqual((await scan()).read, []);
  });
});
