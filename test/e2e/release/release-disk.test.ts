import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { AgentError } from "../../../agent/core/failure.ts";
import { freeSpace, makeDurable } from "../../../agent/io/release/disk.ts";
import { receiveFiles } from "../../../agent/io/release/receive.ts";
import { clearIncoming, publish } from "../../../agent/io/release/release-store.ts";
import { stageRelease } from "../../../agent/io/release/stage.ts";
import { scanBuild } from "../../../cli/io/build/build.ts";
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
import { runOk } from "../../support/processes.ts";

let rig: ReleaseRig;
beforeEach(() => {
  rig = makeReleaseRig();
});
afterEach(() => rig.remove());

describe("a disk", () => {
  /** A file system of this size, for as long as `work` takes. */
  async function onDiskOf(size: string, work: (space: ReleaseRig) => Promise<void>): Promise<void> {
    const place = rig.path("disk");
    mkdirSync(place);
    await runOk(["mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", place]);
    try {
      await work(makeReleaseRig(place));
    } finally {
      await runOk(["umount", place]);
    }
  }

  test("without room is refused before anything is written, with what is needed and what is there", async () => {
    await onDiskOf("24m", async ({ layout }) => {
      const before = treeOf(layout.deployTo);
      const failure = await failureOf(transfer(layout, rig.build("build", { big: Buffer.alloc(12 << 20, 1) }), "v1"));
      assert.ok(failure.reason === "no-space");
      assert.ok(failure.needBytes > 12 << 20 && failure.freeBytes < failure.needBytes, JSON.stringify(failure));
      assert.deepEqual(treeOf(layout.deployTo), before);
    });
  });

  test("that fills up in the middle fails the upload, and nothing is left of it", async () => {
    await onDiskOf("24m", async ({ layout, path }) => {
      const build = await scanBuild(rig.build("build", { big: Buffer.alloc(4 << 20, 1) }), { modes: "normalize" });
      const { incoming } = await stageRelease(layout, manifestOf(build, "v1"), NO_SHARED, { dryRun: false });
      assert.ok(incoming);
      writeFileSync(path("others"), Buffer.alloc((freeSpace(layout.deployTo)?.freeBytes ?? 0) - (2 << 20)));
      const receiver = receiveFiles(incoming, [0]);
      const failure = await failureOf(
        (async () => {
          for await (const frame of packFiles(build, [0])) await receiver.write(frame);
        })(),
      );
      assert.ok(failure.reason === "no-space", failure.reason);
      assert.equal(failure.needBytes, 4 << 20);
      assert.deepEqual(readdirSync(layout.incoming), []);
      assert.deepEqual(readdirSync(layout.releases), []);
    });
  });

  test("that may not be written to is told apart from one that is full", async () => {
    await onDiskOf("64m", async ({ layout }) => {
      await runOk(["mount", "-o", "remount,ro", rig.path("disk")]);
      const failure = await failureOf(transfer(layout, rig.build("build", { a: "x" }), "v1"));
      assert.deepEqual([failure.reason, "code" in failure && failure.code], ["io", "EROFS"]);
    });
  });

  test("that may not be written to would be refused, a dry run says", async () => {
    await onDiskOf("64m", async ({ layout }) => {
      const manifest = manifestOf(await scanBuild(rig.build("build", { a: "x" }), { modes: "normalize" }), "v1");
      const look = () => stageRelease(layout, manifest, NO_SHARED, { dryRun: true });
      assert.equal((await look()).result.missing.length, 1);
      await runOk(["mount", "-o", "remount,ro", rig.path("disk")]);
      assert.partialDeepStrictEqual(await failureOf(look()), { reason: "io", code: "EROFS" });
    });
  });

  test("that a layout was never set up on is told from one that is broken", async () => {
    rmSync(rig.layout.releases, { recursive: true });
    const failure = await failureOf(transfer(rig.layout, rig.build("build", { a: "x" }), "v1"));
    assert.deepEqual(failure, { reason: "layout-missing", path: rig.layout.releases });
  });

  test("is waited for also where sync(1) is missing", async () => {
    const build = rig.build("build", { "a/b": "x", link: { to: "a/b" }, closed: null });
    assert.ok((await makeDurable(build, { tool: "no-such-tool-as-sync" })) > 0);
    assert.ok((await makeDurable(build)) > 0);
    await assert.rejects(makeDurable(rig.path("nothing there")), AgentError);
  });

  test("that hangs is waited for no longer than a limit: nothing appears, and who has the lock next removes what came", async () => {
    const { layout } = rig;
    const build = await scanBuild(rig.build("build", { a: "x" }), { modes: "normalize" });
    const { incoming } = await stageRelease(layout, manifestOf(build, "v1"), NO_SHARED, { dryRun: false });
    assert.ok(incoming);
    const receiver = receiveFiles(incoming, [0]);
    for await (const frame of packFiles(build, [0])) await receiver.write(frame);
    await receiver.end();
    const tool = rig.path("sync");
    writeFileSync(tool, "#!/bin/sh\nexec sleep 1h\n", { mode: 0o755 });
    const failure = await failureOf(publish(incoming, NO_SHARED, { tool, limitMs: 50 }));
    assert.deepEqual(failure, { reason: "disk-silent", path: incoming.path, timeoutMs: 50 });
    assert.deepEqual(readdirSync(layout.releases), []);
    // To remove it would be one thing more to wait for.
    assert.deepEqual(readdirSync(incoming.path), ["a"]);
    await clearIncoming(layout);
    assert.deepEqual(readdirSync(layout.incoming), []);
  });
});
