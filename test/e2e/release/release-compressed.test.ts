import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { receiveFiles } from "../../../agent/io/release/receive.ts";
import { publish, removeRelease } from "../../../agent/io/release/release-store.ts";
import { stageRelease } from "../../../agent/io/release/stage.ts";
import { ACCEPTED, unpackTo, zstdByCalls } from "../../../agent/io/release/unpack.ts";
import type { Encoding } from "../../../agent/wire/stage.ts";
import { ZdrError } from "../../../cli/failure.ts";
import { type ScannedBuild, scanBuild } from "../../../cli/io/build/build.ts";
import type { Frame } from "../../../cli/io/build/compress.ts";
import { Room, SharedFrames } from "../../../cli/io/build/shared-frames.ts";
import { Uploads } from "../../../cli/io/build/upload.ts";
import {
  makeNastyBuild,
  makeReleaseRig,
  manifestOf,
  NO_SHARED,
  type ReleaseRig,
  transfer,
  treeOf,
} from "../../support/fixtures/releases.ts";

let rig: ReleaseRig;
before(() => {
  rig = makeReleaseRig();
});
after(() => rig.remove());

const filesOf = ({ entries }: ScannedBuild) => [...entries.keys()].filter((index) => entries[index]?.type === "file");

/** All of them, copied; in memory until then is only what an upload would have on its way. */
async function bytesOf(frames: AsyncIterable<Frame>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const { bytes } of frames) all.push(Buffer.from(bytes));
  return Buffer.concat(all);
}

describe("a compressed upload", () => {
  const cases: [string, readonly Encoding[], Encoding | undefined, { hosts: number; isHere: boolean }][] = [
    ["by zstd to several hosts", ["zstd", "br"], "zstd", { hosts: 3, isHere: true }],
    ["by zstd over a line", ["zstd", "br"], "zstd", { hosts: 1, isHere: false }],
    ["by brotli where a host's Node has no zstd", ["br"], "br", { hosts: 1, isHere: false }],
    ["as it is to this very machine", ["zstd", "br"], undefined, { hosts: 1, isHere: true }],
    ["as it is where that is quicker than brotli", ["br"], undefined, { hosts: 3, isHere: true }],
    ["as it is to an agent that says nothing of it", [], undefined, { hosts: 3, isHere: false }],
  ];
  for (const [name, accepts, as, { hosts, isHere }] of cases) {
    test(`arrives byte for byte ${name}`, async (t) => {
      const path = makeNastyBuild(rig, name);
      appendFileSync(join(path, "text"), "what compresses well\n".repeat(100_000));
      await transfer(rig.layout, path, "plain");
      const expected = treeOf(rig.layout.release("plain"));
      // Another host: nothing of it is there.
      const other = makeReleaseRig();
      t.after(() => other.remove());
      const build = await scanBuild(path, { modes: "normalize" });
      const uploads = new Uploads(build, hosts);
      const { incoming, result } = await stageRelease(other.layout, manifestOf(build, "v1"), NO_SHARED, {
        dryRun: false,
      });
      assert.ok(incoming);
      const receiver = receiveFiles(incoming, result.missing);
      const write = unpackTo(receiver);
      const kinds = new Set<string>();
      for await (const { bytes, packed } of uploads.framesFor({ missing: result.missing, accepts, isHere })) {
        kinds.add(packed?.as ?? "as it is");
        for (let at = 0; at < bytes.length; at += 65_521)
          await write(bytes.subarray(at, at + 65_521), { verb: "data", bytes: bytes.length, ...packed });
      }
      await receiver.end();
      await publish(incoming, NO_SHARED);
      assert.ok(kinds.has(as ?? "as it is"), [...kinds].join());
      assert.deepEqual(treeOf(other.layout.release("v1")), expected);
      await uploads.dispose();
      await removeRelease(rig.layout, "plain");
    });
  }

  test("is read by Node's own calls where the decoder of a Node is not known, and never as more than it says", () => {
    const text = Buffer.from("what compresses well\n".repeat(10_000));
    const packed = zstdCompressSync(text);
    assert.deepEqual(Buffer.from(zstdByCalls(packed, text.length)), text);
    assert.throws(() => zstdByCalls(packed, text.length - 1), { code: "ERR_BUFFER_TOO_LARGE" });
  });

  test("is accepted as this Node can read it", () => {
    const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
    assert.equal(ACCEPTED.includes("zstd"), major > 22 || (major === 22 && minor >= 15));
    assert.ok(ACCEPTED.includes("br"));
  });
});

describe("what hosts share of an upload", () => {
  test("is packed once, and each gets all of it, whenever it asks and however many of them stop in the middle", async () => {
    let made = 0;
    const frames = Array.from({ length: 40 }, () => randomBytes(10_000));
    const make = async function* (): AsyncGenerator<Frame> {
      made += 1;
      for (const bytes of frames) {
        await new Promise((resolve) => setImmediate(resolve));
        yield { bytes, packed: { as: "zstd", of: bytes.length } };
      }
    };
    const shared = new SharedFrames(make, new Room(0));
    const early = [bytesOf(shared.frames()), bytesOf(shared.frames())];
    const leaving = shared.frames();
    await leaving.next();
    await leaving.return(undefined);
    for (const one of [...(await Promise.all(early)), await bytesOf(shared.frames())]) {
      assert.ok(one.equals(Buffer.concat(frames)));
    }
    assert.equal(made, 1);
    await shared.dispose();
  });

  test("is kept in memory up to a bound, and beyond it in a file that has no name", async () => {
    const [count, length] = [12, 1024 * 1024];
    const make = async function* (): AsyncGenerator<Frame> {
      for (let at = 0; at < count; at++) yield { bytes: Buffer.alloc(length, at) };
    };
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("zdr-upload-"));
    const shared = new SharedFrames(make, new Room(6 * length));
    for (let round = 0; round < 2; round++) {
      let at = 0;
      for await (const { bytes } of shared.frames()) {
        assert.ok(Buffer.alloc(length, at).equals(bytes), `frame ${at}`);
        at += 1;
      }
      assert.equal(at, count);
    }
    assert.deepEqual(
      readdirSync(tmpdir()).filter((name) => name.startsWith("zdr-upload-")),
      before,
    );
    await shared.dispose();
  });

  test("stays as it is for a host that is slow, and holds many small frames at a time", async () => {
    const frames = Array.from({ length: 60 }, () => randomBytes(5_000));
    const make = async function* (): AsyncGenerator<Frame> {
      for (const bytes of frames) yield { bytes, packed: { as: "zstd", of: bytes.length } };
    };
    const shared = new SharedFrames(make, new Room(0));
    await bytesOf(shared.frames());
    const held: Uint8Array[] = [];
    for await (const { bytes } of shared.frames()) held.push(bytes);
    assert.ok(Buffer.concat(held).equals(Buffer.concat(frames)));
    await shared.dispose();
  });

  test("is made anew for a host where there is no room for that file", async () => {
    const make = async function* (): AsyncGenerator<Frame> {
      for (let at = 0; at < 8; at++) yield { bytes: Buffer.alloc(1024 * 1024, at) };
    };
    const { TMPDIR } = process.env;
    process.env.TMPDIR = rig.path("not there");
    try {
      const shared = new SharedFrames(make, new Room(4 * 1024 * 1024));
      const [one, other] = await Promise.all([bytesOf(shared.frames()), bytesOf(shared.frames())]);
      assert.equal(one.length, 8 * 1024 * 1024);
      assert.ok(one.equals(other));
      await shared.dispose();
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
  });

  test("fails for each of them when the build has changed", async () => {
    const path = rig.build("changing", { large: randomBytes(2 * 1024 * 1024) });
    const build = await scanBuild(path, { modes: "normalize" });
    appendFileSync(join(path, "large"), "more");
    const uploads = new Uploads(build, 2);
    const need = { missing: filesOf(build), accepts: ["zstd"], isHere: false } as const;
    for (let host = 0; host < 3; host++) {
      await assert.rejects(bytesOf(uploads.framesFor(need)), (error) => {
        assert.ok(error instanceof ZdrError && error.failure.kind === "build", String(error));
        return true;
      });
    }
    await uploads.dispose();
  });
});
