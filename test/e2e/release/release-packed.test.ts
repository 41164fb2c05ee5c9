/** Uploads that are packed for the way: what goes in at one end comes out at the other, or nothing does. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { AgentError } from "../../../agent/core/failure.ts";
import { knownCodecs, unpackInto } from "../../../agent/io/release/codec.ts";
import { type Receiver, receiveFiles } from "../../../agent/io/release/receive.ts";
import { publish, verifyRelease } from "../../../agent/io/release/release-store.ts";
import { stageRelease } from "../../../agent/io/release/stage.ts";
import { type AgentFailure, CODEC_NAMES, type CodecName } from "../../../agent/protocol.ts";
import { scanBuild } from "../../../cli/io/build/build.ts";
import { compress } from "../../../cli/io/build/compress.ts";
import { packFiles } from "../../../cli/io/build/pack.ts";
import {
  makeNastyBuild,
  makeReleaseRig,
  manifestOf,
  NO_SHARED,
  type ReleaseRig,
  treeOf,
} from "../../support/fixtures/releases.ts";

/** Fits no boundary of anything. */
const PIECE_BYTES = 65_521;

let rig: ReleaseRig;
beforeEach(() => {
  rig = makeReleaseRig();
});
afterEach(() => rig.remove());

async function begin(path: string, codec: CodecName) {
  const build = await scanBuild(path, { modes: "normalize" });
  const { incoming, result } = await stageRelease(rig.layout, manifestOf(build, "v1"), NO_SHARED, { dryRun: false });
  assert.ok(incoming);
  const receiver = unpackInto(receiveFiles(incoming, result.missing), codec);
  const packed: Buffer[] = [];
  for await (const piece of compress(packFiles(build, result.missing), codec)) packed.push(piece);
  return { incoming, receiver, packed: Buffer.concat(packed) };
}

async function send(receiver: Receiver, bytes: Buffer): Promise<{ readonly receivedBytes: number }> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) await receiver.write(bytes.subarray(at, at + PIECE_BYTES));
  return receiver.end();
}

async function failureOf(work: Promise<unknown>): Promise<AgentFailure> {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof AgentError, String(error));
  return error.failure;
}

const nothingIsLeft = () => assert.deepEqual(readdirSync(rig.layout.incoming), []);

test("this Node can unpack all that may be sent", () => {
  assert.deepEqual(knownCodecs(), [...CODEC_NAMES]);
});

for (const codec of CODEC_NAMES) {
  describe(`an upload that is packed by ${codec}`, () => {
    test("arrives as it was", async () => {
      const path = makeNastyBuild(rig, "build");
      const { incoming, receiver, packed } = await begin(path, codec);
      await send(receiver, packed);
      await publish(incoming, NO_SHARED);
      assert.deepEqual(Object.keys(await treeOf(rig.layout.release("v1"))), Object.keys(await treeOf(path)));
      assert.equal(await verifyRelease(rig.layout, "v1"), undefined);
    });

    test("is smaller on the way than it is", async () => {
      const { receiver, packed } = await begin(
        rig.build("build", { text: "all work and no play\n".repeat(50_000) }),
        codec,
      );
      const { receivedBytes } = await send(receiver, packed);
      assert.ok(packed.length < receivedBytes / 10, `${packed.length} of ${receivedBytes}`);
    });

    test("leaves nothing behind when it ends too soon", async () => {
      const { receiver, packed } = await begin(rig.build("build", { large: randomBytes(3_000_000) }), codec);
      const failure = await failureOf(send(receiver, packed.subarray(0, packed.length - 1000)));
      assert.equal(failure.reason, "upload-cut");
      nothingIsLeft();
    });

    test("leaves nothing behind when it is damaged", async () => {
      const { receiver, packed } = await begin(rig.build("build", { large: randomBytes(3_000_000) }), codec);
      packed.fill(0xff, 1_000_000, 1_000_100);
      const failure = await failureOf(send(receiver, packed));
      assert.ok(["upload-cut", "file-corrupt"].includes(failure.reason), failure.reason);
      nothingIsLeft();
    });

    test("leaves nothing behind when more comes out than was asked for", async () => {
      const { receiver } = await begin(rig.build("build", { small: "x" }), codec);
      const other = await begin(rig.build("other", { small: "xx".repeat(1_000_000) }), codec);
      assert.notEqual((await failureOf(send(receiver, other.packed))).reason, "internal");
      await other.receiver.abort();
      nothingIsLeft();
    });

    test("is forgotten when nobody sends any more", async () => {
      const { receiver, packed } = await begin(rig.build("build", { large: randomBytes(3_000_000) }), codec);
      await receiver.write(packed.subarray(0, 1_000_000));
      await receiver.abort();
      nothingIsLeft();
      assert.equal(existsSync(rig.layout.release("v1")), false);
    });
  });
}
