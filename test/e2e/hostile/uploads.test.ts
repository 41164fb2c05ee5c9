/** Builds that want to be elsewhere than in their release: each is refused with its reason, and nothing of it is on the disk. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AgentError } from "../../../agent/core/failure.ts";
import { receiveFiles } from "../../../agent/io/release/receive.ts";
import { stageRelease } from "../../../agent/io/release/stage.ts";
import { unpackTo } from "../../../agent/io/release/unpack.ts";
import type { AgentFailure } from "../../../agent/wire/failure.ts";
import { canonicalManifest, type Manifest, type ManifestEntry } from "../../../agent/wire/release.ts";
import { ZdrError } from "../../../cli/failure.ts";
import { HOSTILE_FRAMES } from "../../fixtures/hostile/frames.ts";
import { HOSTILE_MANIFESTS } from "../../fixtures/hostile/manifests.ts";
import { HOSTILE_STREAMS } from "../../fixtures/hostile/streams.ts";
import { failureOf } from "../../support/fixtures/failures.ts";
import { makeReleaseRig, NO_SHARED, type ReleaseRig, transfer, treeOf } from "../../support/fixtures/releases.ts";
import { rawMember, TAR_END } from "../../support/hostile/tar.ts";
import { runOk } from "../../support/processes.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const manifestOf = (entries: readonly ManifestEntry[]): Manifest => ({
  ...{ tag: "v1", digest: sha256(canonicalManifest(entries)), entries: [...entries] },
});
const DRIVER = fileURLToPath(new URL("../../support/drivers/transfer-driver.ts", import.meta.url));
const LARGE = "x".repeat(3 << 20);
const fileOf = (path: string, text: string): ManifestEntry => ({
  ...{ type: "file", path, mode: 0o644, size: text.length, sha256: sha256(text) },
});

describe("a host refuses", () => {
  let rig: ReleaseRig;
  let untouched: Record<string, string>;
  before(async () => {
    rig = makeReleaseRig("/dev/shm");
    await transfer(rig.layout, rig.build("first", { "bin/shop": "first" }), "v0");
    untouched = treeOf(rig.folder);
  });
  after(() => rig.remove());

  async function refusal(work: Promise<unknown>): Promise<AgentFailure> {
    const failure = await failureOf(work);
    assert.deepEqual(treeOf(rig.folder), untouched, "something was left");
    return failure;
  }

  for (const { name, entries, because, path, isSetuid = false } of HOSTILE_MANIFESTS) {
    test(`a manifest with ${name}`, async () => {
      // What setuid bits are refused for is only that they are not allowed here.
      for (const allowSetuid of isSetuid ? [false] : [false, true]) {
        const options = { dryRun: false, allowSetuid };
        const failure = await refusal(stageRelease(rig.layout, manifestOf(entries), NO_SHARED, options));
        assert.ok(failure.reason === "unsafe-path", failure.reason);
        assert.match(failure.problem, because);
        assert.equal(failure.path, path ?? entries.at(-1)?.path);
      }
    });
  }

  for (const { name, bytes, reason, because } of HOSTILE_STREAMS) {
    test(`a stream with ${name}`, async () => {
      const manifest = manifestOf([fileOf("a/one", "first file"), fileOf("b", "second")]);
      for (const pieceBytes of [bytes.length, 512, 7]) {
        const receive = async () => {
          const { incoming, result } = await stageRelease(rig.layout, manifest, NO_SHARED, { dryRun: false });
          assert.ok(incoming);
          const receiver = receiveFiles(incoming, result.missing);
          for (let at = 0; at < bytes.length; at += pieceBytes)
            await receiver.write(bytes.subarray(at, at + pieceBytes));
          await receiver.end();
        };
        const failure = await refusal(receive());
        assert.equal(failure.reason, reason);
        const words = "problem" in failure ? failure.problem : "detail" in failure ? failure.detail : failure.reason;
        assert.match(words, because);
      }
    });
  }
});

describe("a host refuses a compressed frame with", () => {
  for (const { name, bytes, frame, because } of HOSTILE_FRAMES) {
    test(name, async (t) => {
      const rig = makeReleaseRig("/dev/shm");
      t.after(() => rig.remove());
      const manifest = manifestOf([fileOf("a/one", "first file"), fileOf("b", "second")]);
      const { incoming, result } = await stageRelease(rig.layout, manifest, NO_SHARED, { dryRun: false });
      assert.ok(incoming);
      const write = unpackTo(receiveFiles(incoming, result.missing));
      const before = process.memoryUsage().external;
      const refused = write(bytes, { verb: "data", bytes: bytes.length, ...frame });
      const failure = await failureOf(Promise.resolve(refused));
      assert.ok(failure.reason === "bad-request", failure.reason);
      assert.match(failure.detail, because);
      assert.ok(!existsSync(incoming.path), "something was left");
      const grown = process.memoryUsage().external - before;
      assert.ok(grown < 8 * 1024 * 1024, `${grown} bytes more`);
    });
  }
});

describe("names that one file system tells apart and another does not", () => {
  test("are refused where they become one, in words that say so", async (t) => {
    const rig = makeReleaseRig("/dev/shm");
    t.after(() => rig.remove());
    const manifest = manifestOf([fileOf("readme", "one")]);
    const { incoming, result } = await stageRelease(rig.layout, manifest, NO_SHARED, { dryRun: false });
    assert.ok(incoming);
    // As a file system would do it that takes README for readme.
    writeFileSync(join(incoming.path, "readme"), "README");
    const receiver = receiveFiles(incoming, result.missing);
    const error = await Promise.resolve(
      receiver.write(Buffer.concat([rawMember({ name: "readme", body: "one" }), TAR_END])),
    ).then(
      () => assert.fail("it was accepted"),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof AgentError && error.failure.reason === "unsafe-path");
    assert.equal(error.failure.path, "readme");
    assert.match(error.failure.problem, /does not tell upper from lower case/);
    assert.ok(!existsSync(incoming.path));
  });
});

describe("setuid and setgid bits", () => {
  const modesOf = async (t: TestContext, modes: "normalize" | "preserve", allowSetuid: boolean) => {
    const rig = makeReleaseRig("/dev/shm");
    t.after(() => rig.remove());
    const build = rig.build("build", { small: "small", large: LARGE, plain: "plain" });
    for (const name of ["small", "large"]) chmodSync(join(build, name), 0o6755);
    const { layout } = rig;
    const modeOf = (name: string) => statSync(join(layout.release("v1"), name)).mode & 0o7777;
    await transfer(layout, build, "v1", { modes, allowSetuid });
    return ["small", "large", "plain"].map(modeOf);
  };

  test("are taken off, unless deploy.yml allows them", async (t) => {
    assert.deepEqual(await modesOf(t, "normalize", false), [0o755, 0o755, 0o644]);
  });

  test("arrive with files of every size where deploy.yml allows them", async (t) => {
    assert.deepEqual(await modesOf(t, "normalize", true), [0o6755, 0o6755, 0o644]);
    assert.deepEqual(await modesOf(t, "preserve", true), [0o6755, 0o6755, 0o644]);
  });

  test("arrive also where write(2) takes them away, as it does from all but root", async (t) => {
    const rig = makeReleaseRig("/dev/shm");
    t.after(() => rig.remove());
    const build = rig.build("build", { small: "small", large: LARGE });
    for (const name of ["small", "large"]) chmodSync(join(build, name), 0o6755);
    const end = (role: string, folder: string) =>
      `${process.execPath} ${DRIVER} ${role} ${folder} ${rig.path("m")} setuid`;
    const unprivileged = "setpriv --bounding-set=-fsetid --inh-caps=-fsetid";
    await runOk(["sh", "-c", `${end("send", build)} | ${unprivileged} ${end("receive", rig.layout.deployTo)}`]);
    for (const name of ["small", "large"])
      assert.equal(statSync(join(rig.layout.release("v1"), name)).mode & 0o7777, 0o6755, name);
  });

  test("are refused by name where modes are to stay as built and they are not allowed", async (t) => {
    const error = await modesOf(t, "preserve", false).then(
      () => assert.fail("it was accepted"),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof ZdrError && error.failure.kind === "build");
    assert.match(error.failure.problem, /has mode 6755: .*only with allow_setuid/);
  });
});
