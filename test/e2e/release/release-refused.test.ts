/** What comes over the wire is not believed: whatever is wrong with it, nothing is published and nothing is left. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import { AgentError } from "../../../agent/core/failure.ts";
import { receiveFiles } from "../../../agent/io/release/receive.ts";
import { publish, removeRelease, verifyRelease } from "../../../agent/io/release/release-store.ts";
import { stageRelease } from "../../../agent/io/release/stage.ts";
import type { AgentFailure } from "../../../agent/wire/failure.ts";
import type { Manifest } from "../../../agent/wire/release.ts";
import { type ScannedBuild, scanBuild } from "../../../cli/io/build/build.ts";
import { packFiles } from "../../../cli/io/build/pack.ts";
import { failureOf } from "../../support/fixtures/failures.ts";
import {
  makeReleaseRig,
  manifestOf,
  NO_SHARED,
  type ReleaseRig,
  transfer,
  treeOf,
} from "../../support/fixtures/releases.ts";

let rig: ReleaseRig;
let build: ScannedBuild;
let stream: Buffer;
let untouched: Record<string, string>;

before(async () => {
  rig = makeReleaseRig();
  const files = { "a/one": "first file", "a/two": Buffer.alloc(200_000, "2"), three: "", ["l".repeat(200)]: "long" };
  build = await scanBuild(rig.build("build", files), { modes: "normalize" });
  stream = await packed(build);
  await transfer(rig.layout, rig.build("other", { other: "another release" }), "v0");
  untouched = treeOf(rig.layout.deployTo);
});
after(() => rig.remove());
beforeEach(async () => assert.deepEqual(treeOf(rig.layout.deployTo), untouched));

const fileIndices = ({ entries }: ScannedBuild) =>
  [...entries.keys()].filter((index) => entries[index]?.type === "file");

async function packed(from: ScannedBuild, indices = fileIndices(from)): Promise<Buffer> {
  const frames: Buffer[] = [];
  for await (const frame of packFiles(from, indices)) frames.push(Buffer.from(frame));
  return Buffer.concat(frames);
}

async function receive(bytes: Buffer, manifest: Manifest = manifestOf(build, "v1")): Promise<void> {
  const { incoming, result } = await stageRelease(rig.layout, manifest, NO_SHARED, { dryRun: false });
  assert.ok(incoming);
  const receiver = receiveFiles(incoming, result.missing);
  for (let at = 0; at < bytes.length; at += 1000) await receiver.write(bytes.subarray(at, at + 1000));
  await receiver.end();
  await publish(incoming, NO_SHARED);
}

async function refusal(work: Promise<unknown>): Promise<AgentFailure> {
  const failure = await failureOf(work);
  assert.deepEqual(treeOf(rig.layout.deployTo), untouched);
  return failure;
}

interface Crafted {
  readonly path: string;
  readonly type?:
    | "File"
    | "SymbolicLink"
    | "Link"
    | "Directory"
    | "FIFO"
    | "NextFileHasLongPath"
    | "GlobalExtendedHeader";
  readonly linkpath?: string;
  readonly body?: string;
  readonly paxPath?: string;
}

/** One member, spelled out as an attacker could. */
function member({ path, type = "File", linkpath = "", body = "", paxPath }: Crafted): Buffer {
  const block = Buffer.alloc(512);
  new Header({ path, type, linkpath, mode: 0o644, size: Buffer.byteLength(body) }).encode(block);
  const padded = Buffer.alloc(Math.ceil(Buffer.byteLength(body) / 512) * 512);
  padded.write(body);
  return Buffer.concat([...(paxPath === undefined ? [] : [new Pax({ path: paxPath }).encode()]), block, padded]);
}

const END = Buffer.alloc(1024);

describe("a stream", () => {
  test("that is cut off anywhere is refused", async () => {
    for (const length of [
      0,
      1,
      511,
      512,
      600,
      1024,
      5000,
      stream.length - 1024,
      stream.length - 512,
      stream.length - 1,
    ]) {
      const { reason } = await refusal(receive(stream.subarray(0, length)));
      assert.equal(reason, "upload-cut", `cut at ${length}`);
    }
  });

  test("with one changed byte in a file is refused by that file's name", async () => {
    const bytes = Buffer.from(stream);
    bytes.write("F", bytes.indexOf("first file"));
    assert.deepEqual(await refusal(receive(bytes)), { reason: "file-corrupt", path: "a/one" });
    const cut = Buffer.from(stream);
    cut.write("3", cut.indexOf("2222") + 150_000);
    assert.deepEqual(await refusal(receive(cut)), { reason: "file-corrupt", path: "a/two" });
  });

  test("with one changed byte in a file too large to be held is refused by that file's name", async () => {
    const path = rig.build("large", { large: Buffer.alloc(3 << 20, "x") });
    const large = await scanBuild(path, { modes: "normalize" });
    const bytes = await packed(large);
    bytes.write("y", 2 << 20);
    const failure = await refusal(receive(bytes, manifestOf(large, "v1")));
    assert.deepEqual(failure, { reason: "file-corrupt", path: "large" });
  });

  test("with a damaged header is refused", async () => {
    const bytes = Buffer.from(stream);
    bytes.write("9", 130);
    assert.equal((await refusal(receive(bytes))).reason, "upload-cut");
  });

  test("with a file more than was asked for is refused", async () => {
    const extra = Buffer.concat([stream.subarray(0, -1024), member({ path: "extra", body: "x" }), END]);
    const failure = await refusal(receive(extra));
    assert.deepEqual(failure, { reason: "unsafe-path", path: "extra", problem: "was not asked for here" });
  });

  test("with the same file twice is refused", async () => {
    const twice = member({ path: "a/one", body: "first file" });
    assert.equal((await refusal(receive(Buffer.concat([twice, twice, END])))).reason, "unsafe-path");
  });

  test("with a file less is refused", async () => {
    const less = await packed(build, fileIndices(build).slice(0, -1));
    assert.equal((await refusal(receive(less))).reason, "upload-cut");
  });

  test("with bytes behind its end is refused", async () => {
    assert.equal((await refusal(receive(Buffer.concat([stream, Buffer.from("x")])))).reason, "upload-cut");
  });

  test("with a file of another size is refused", async () => {
    const bytes = Buffer.concat([member({ path: "a/one", body: "first file and more" }), END]);
    assert.deepEqual(await refusal(receive(bytes)), { reason: "file-corrupt", path: "a/one" });
  });
});

describe("a stream that wants to write elsewhere", () => {
  const outside = () => rig.path("outside");
  const crafted: readonly (readonly [string, () => Crafted])[] = [
    ["by ..", () => ({ path: "../../../../outside" })],
    ["by an absolute path", () => ({ path: outside() })],
    ["by a pax record", () => ({ path: "a/one", paxPath: outside() })],
    ["by a pax record that climbs", () => ({ path: "a/one", paxPath: "a/../../../../../outside" })],
    ["by GNU's long name", () => ({ path: "a/one", type: "NextFileHasLongPath", body: outside() })],
    ["by a global header", () => ({ path: "a/one", type: "GlobalExtendedHeader", body: `30 path=${outside()}\n` })],
    ["through a link of its own", () => ({ path: "a", type: "SymbolicLink", linkpath: rig.folder })],
    ["by a hard link", () => ({ path: "a/one", type: "Link", linkpath: "/etc/passwd" })],
    ["as a fifo", () => ({ path: "a/one", type: "FIFO" })],
    ["as a folder", () => ({ path: "a/one/", type: "Directory" })],
  ];
  for (const [how, make] of crafted) {
    test(`${how} is refused`, async () => {
      const bytes = Buffer.concat([member({ body: "first file", ...make() }), END]);
      const failure = await refusal(receive(bytes));
      assert.ok(failure.reason === "unsafe-path" || failure.reason === "upload-cut", failure.reason);
      assert.ok(!existsSync(outside()));
    });
  }

  test("is refused whatever is done to its bytes", async () => {
    // Headers are where it hurts, so most changes go there.
    const place = fc.oneof(fc.nat(511), fc.integer({ min: 1024, max: 1535 }), fc.nat(stream.length - 1));
    const changes = fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const bytes = Buffer.from(stream);
        for (const [at, byte] of list) bytes[at] = byte;
        const tag = `fuzz-${++round}`;
        const error = await receive(bytes, manifestOf(build, tag)).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        // A change where it has no meaning (padding, an owner's name) may pass: then the release is right all the same.
        if (error === undefined) {
          assert.equal(await verifyRelease(rig.layout, tag), undefined);
          await removeRelease(rig.layout, tag);
        } else assert.ok(error instanceof AgentError, String(error));
        assert.deepEqual(treeOf(rig.layout.deployTo), untouched);
      }),
      { numRuns: 100 },
    );
  });
});

describe("a manifest", () => {
  const changed = (change: (manifest: Manifest) => void) => {
    const manifest = manifestOf(build, "v1");
    change(manifest);
    return refusal(stageRelease(rig.layout, manifest, NO_SHARED, { dryRun: false }));
  };

  test("whose digest is not that of its entries is refused", async () => {
    assert.equal((await changed((manifest) => manifest.entries.pop())).reason, "bad-request");
  });

  test("that names a place outside is refused before anything is made", async () => {
    const failure = await changed((manifest) => manifest.entries.push({ type: "dir", path: "../x", mode: 0o755 }));
    assert.deepEqual(failure, { reason: "unsafe-path", path: "../x", problem: "has a part .." });
  });

  test("of a tag that is there with other content is refused", async () => {
    const failure = await changed((manifest) => {
      manifest.tag = "v0";
    });
    assert.ok(failure.reason === "release-differs");
    assert.equal(failure.digest, build.digest);
    assert.notEqual(failure.stagedDigest, build.digest);
  });

  test("of a tag that somebody made by hand is refused, also at the last moment", async () => {
    const manifest = manifestOf(build, "by-hand");
    const { incoming, result } = await stageRelease(rig.layout, manifest, NO_SHARED, { dryRun: false });
    assert.ok(incoming);
    const receiver = receiveFiles(incoming, result.missing);
    await receiver.write(stream);
    await receiver.end();
    mkdirSync(rig.layout.release("by-hand"));
    untouched["releases/by-hand"] = "dir 755";
    assert.equal((await refusal(publish(incoming, NO_SHARED))).reason, "release-differs");
    assert.equal((await refusal(receive(stream, manifest))).reason, "release-differs");
  });
});
