import assert from "node:assert/strict";
import { appendFileSync, chmodSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { verifyRelease } from "../../../agent/io/release/release-store.ts";
import { stageRelease } from "../../../agent/io/release/stage.ts";
import { DATA_FRAME_LIMIT_BYTES } from "../../../agent/protocol.ts";
import { ZdrError } from "../../../cli/failure.ts";
import { scanBuild } from "../../../cli/io/build/build.ts";
import { packFiles } from "../../../cli/io/build/pack.ts";
import {
  makeNastyBuild,
  makeReleaseRig,
  manifestOf,
  NO_SHARED,
  type ReleaseRig,
  transfer,
  treeOf,
} from "../../support/fixtures/releases.ts";
import { runOk } from "../../support/processes.ts";

let rig: ReleaseRig;
before(() => {
  rig = makeReleaseRig();
});
after(() => rig.remove());

/** What normalised modes make of a tree. */
function normalised(tree: Record<string, string>): Record<string, string> {
  const normal = (mode: number, isOpen: boolean) => ((mode & 0o755) | (isOpen ? 0o555 : 0o444)).toString(8);
  const line = (text: string) =>
    text.replace(/^(file|dir) ([0-7]+)/, (_, type: string, octal: string) => {
      const mode = Number.parseInt(octal, 8);
      return `${type} ${normal(mode, type === "dir" || (mode & 0o111) !== 0)}`;
    });
  return Object.fromEntries(Object.entries(tree).map(([path, text]) => [path, line(text)]));
}

const isRefused = (reason: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ZdrError && error.failure.kind === "build", String(error));
  assert.match(`${error.failure.path}: ${error.failure.problem}`, reason);
  return true;
};

describe("a release", () => {
  test("is the build, byte for byte and mode for mode, whatever the umask on either side", async () => {
    const umask = process.umask(0o077);
    try {
      const build = makeNastyBuild(rig, "nasty");
      await transfer(rig.layout, build, "nasty");
      assert.deepEqual(treeOf(rig.layout.release("nasty")), normalised(treeOf(build)));
      assert.equal(await verifyRelease(rig.layout, "nasty"), undefined);
    } finally {
      process.umask(umask);
    }
  });

  test("arrives whole in pieces of any size", async () => {
    const build = rig.build("pieces", {
      a: "x".repeat(1500),
      ["long/".repeat(60)]: null,
      [`${"y".repeat(200)}/z`]: "z",
      e: "",
    });
    for (const pieceBytes of [1, 7, 511, 512, 513]) {
      await transfer(rig.layout, build, `pieces-${pieceBytes}`, { pieceBytes });
      assert.deepEqual(treeOf(rig.layout.release(`pieces-${pieceBytes}`)), normalised(treeOf(build)));
    }
  });

  test("keeps modes as built with preserve", async () => {
    const build = rig.build("modes", { secret: "s", "lib/x": "x" });
    chmodSync(join(build, "secret"), 0o640);
    chmodSync(join(build, "lib"), 0o750);
    await transfer(rig.layout, build, "modes", { modes: "preserve" });
    const tree = treeOf(rig.layout.release("modes"));
    assert.match(tree.secret ?? "", /^file 640/);
    assert.equal(tree.lib, "dir 750");
  });
});

describe("what travels", () => {
  test("is a tar archive that tar(1) reads, in full frames, of the missing files alone", async () => {
    const path = makeNastyBuild(rig, "stream");
    const build = await scanBuild(path, { modes: "normalize" });
    const files = build.entries.flatMap((entry, index) => (entry.type === "file" ? [index] : []));
    const frames: Buffer[] = [];
    for await (const frame of packFiles(build, files)) frames.push(Buffer.from(frame));
    for (const frame of frames.slice(0, -1)) assert.equal(frame.length, DATA_FRAME_LIMIT_BYTES);
    writeFileSync(rig.path("stream.tar"), Buffer.concat(frames));
    const out = rig.build("out", {});
    await runOk(["tar", "xf", rig.path("stream.tar"), "-C", out, "--no-same-owner", "-p"]);
    const sent = Object.entries(normalised(treeOf(path))).filter(([, line]) => line.startsWith("file"));
    const arrived = Object.entries(treeOf(out)).filter(([, line]) => line.startsWith("file"));
    assert.deepEqual(Object.fromEntries(arrived), Object.fromEntries(sent));
  });

  test("is only what no release of the host has; the rest is copied there, also under another name", async () => {
    const big = "big ".repeat(1_000_000);
    const one = rig.build("one", { "bin/shop": big, "lib/a": "alpha", "lib/b": "beta" });
    await transfer(rig.layout, one, "one");
    const two = rig.build("two", { "bin/shop": big, "lib/moved": "alpha", "lib/b": "beta, changed" });
    const { result, receivedBytes, build } = await transfer(rig.layout, two, "two");
    assert.deepEqual(
      result.missing.map((index) => build.entries[index]?.path),
      ["lib/b"],
    );
    assert.equal(result.missingBytes, "beta, changed".length);
    assert.equal(result.copiedBytes, big.length + "alpha".length);
    assert.equal(receivedBytes, 4 * 512);
    assert.deepEqual(treeOf(rig.layout.release("two")), normalised(treeOf(two)));
  });

  test("is nothing when the release is there already", async () => {
    const build = rig.build("again", { a: "again" });
    await transfer(rig.layout, build, "again");
    const { result, incoming } = await transfer(rig.layout, build, "again");
    assert.deepEqual(result, { staged: true, missing: [], missingBytes: 0, copiedBytes: 0 });
    assert.equal(incoming, undefined);
  });

  test("includes files whose like on the host was tampered with, and a dry run says so too", async () => {
    const big = Buffer.alloc(2 * 1024 * 1024, "b");
    const files = { big, small: "small", sound: "sound", short: "short" };
    await transfer(rig.layout, rig.build("source", files), "source");
    const source = rig.layout.release("source");
    writeFileSync(join(source, "small"), "SMALL");
    writeFileSync(join(source, "big"), Buffer.alloc(big.length, "B"));
    writeFileSync(join(source, "short"), "shor");
    assert.equal(await verifyRelease(rig.layout, "source"), "big");
    const path = rig.build("target", files);
    const build = await scanBuild(path, { modes: "normalize" });
    const dry = await stageRelease(rig.layout, manifestOf(build, "target"), NO_SHARED, { dryRun: true });
    const { result } = await transfer(rig.layout, path, "target");
    assert.deepEqual(
      result.missing.map((index) => build.entries[index]?.path),
      ["big", "short", "small"],
    );
    assert.deepEqual(dry.result, result);
    assert.equal(await verifyRelease(rig.layout, "target"), undefined);
  });

  test("is not known to a dry run's host afterwards: nothing is written", async () => {
    const before = treeOf(rig.layout.deployTo);
    const build = await scanBuild(rig.build("dry", { a: "dry" }), { modes: "normalize" });
    const { result } = await stageRelease(rig.layout, manifestOf(build, "dry"), NO_SHARED, { dryRun: true });
    assert.deepEqual(result.missing, [0]);
    assert.deepEqual(treeOf(rig.layout.deployTo), before);
  });
});

describe("a file that changes while it is sent", () => {
  const cases: readonly (readonly [string, (place: string) => void])[] = [
    ["grows", (place) => appendFileSync(place, "more")],
    ["shrinks", (place) => writeFileSync(place, "")],
    ["is written again with the same size", (place) => writeFileSync(place, "other text")],
    ["is touched", (place) => utimesSync(place, 1, 1)],
  ];
  for (const [what, change] of cases) {
    test(`and ${what} ends the upload with a build failure that names it`, async () => {
      const path = rig.build("changing", { file: "first text" });
      writeFileSync(join(path, "file"), "first text");
      utimesSync(join(path, "file"), 1000, 1000);
      const build = await scanBuild(path, { modes: "normalize" });
      change(join(path, "file"));
      const send = async () => {
        for await (const _ of packFiles(build, [0]));
      };
      await assert.rejects(send, isRefused(/^file: changed while it was sent/));
    });
  }
});

test("nothing of an upload is left under .zdr/incoming once it was published", () => {
  assert.deepEqual(readdirSync(rig.layout.incoming), []);
});
