import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { readHoldings, readManifest, readManifestHead, writeManifest } from "../../../agent/io/release/manifests.ts";
import { takePart } from "../../../agent/io/release/part.ts";
import { receiveFiles } from "../../../agent/io/release/receive.ts";
import { clearIncoming, publish, removeRelease, verifyRelease } from "../../../agent/io/release/release-store.ts";
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

async function stage(path: string, tag: string, shared = NO_SHARED) {
  const build = await scanBuild(path, { modes: "normalize" });
  return await stageRelease(rig.layout, manifestOf(build, tag), shared, { dryRun: false });
}

test("what had arrived of an upload is taken with the mode that the build has by now", async () => {
  const path = rig.build("build", { secrets: "DSN=x", "bin/tool": "x" });
  const [secrets, tool] = [join(path, "secrets"), join(path, "bin/tool")];
  const begin = async () => {
    const build = await scanBuild(path, { modes: "preserve", allowSetuid: true });
    const options = { dryRun: false, allowSetuid: true };
    const { incoming, result } = await stageRelease(rig.layout, manifestOf(build, "v1"), NO_SHARED, options);
    assert.ok(incoming);
    return { build, incoming, missing: result.missing };
  };
  chmodSync(secrets, 0o644);
  chmodSync(tool, 0o4755);
  const first = await begin();
  const receiver = receiveFiles(first.incoming, first.missing);
  for await (const frame of packFiles(first.build, first.missing)) await receiver.write(frame);
  await receiver.leave();
  chmodSync(secrets, 0o600);
  chmodSync(tool, 0o755);
  const { incoming, missing } = await begin();
  assert.deepEqual(await takePart(incoming, missing), new Set(missing));
  const modeOf = (file: string) => (statSync(join(incoming.path, file)).mode & 0o7777).toString(8);
  assert.deepEqual(["secrets", "bin/tool"].map(modeOf), ["600", "755"]);
});

describe("shared paths", () => {
  test("are linked into the release, relative, from any depth", async () => {
    writeFileSync(join(rig.layout.shared, ".env"), "DSN=x");
    const shared = { dirs: ["logs", "var/data/up"], files: [".env"] };
    await transfer(rig.layout, rig.build("build", { "bin/shop": "x", "var/x": "x" }), "v1", { shared });
    const release = rig.layout.release("v1");
    assert.equal(readlinkSync(join(release, "logs")), "../../shared/logs");
    assert.equal(readlinkSync(join(release, "var/data/up")), "../../../../shared/var/data/up");
    assert.equal(readFileSync(join(release, ".env"), "utf8"), "DSN=x");
    writeFileSync(join(release, "var/data/up/file"), "kept");
    await removeRelease(rig.layout, "v1");
    assert.equal(readFileSync(join(rig.layout.shared, "var/data/up/file"), "utf8"), "kept");
  });

  test("are linked below folders that the program's user can enter, whatever the umask", async () => {
    const umask = process.umask(0o077);
    try {
      const shared = { dirs: ["var/data"], files: [] };
      await transfer(rig.layout, rig.build("build", { a: "x" }), "v1", { shared });
      assert.equal(statSync(join(rig.layout.release("v1"), "var")).mode & 0o777, 0o755);
    } finally {
      process.umask(umask);
    }
  });

  test("that are missing folders are made with group and mode of the folder that they stand in", async () => {
    chownSync(rig.layout.shared, 0, 33);
    for (const [tag, mode] of [
      ["v1", 0o2775],
      ["v2", 0o770],
    ] as const) {
      chmodSync(rig.layout.shared, mode);
      const paths = [`logs-${tag}`, `var-${tag}`, `var-${tag}/data`];
      const dirs = paths.filter((path) => !path.startsWith("var") || path.endsWith("data"));
      await stage(rig.build("build", { a: "x" }), tag, { dirs, files: [] });
      for (const path of paths) {
        const stat = statSync(join(rig.layout.shared, path));
        assert.deepEqual([stat.gid, stat.mode & 0o7777], [33, mode], path);
      }
    }
  });

  test("that are missing files are refused by name before anything is made", async () => {
    const before = treeOf(rig.layout.deployTo);
    const shared = { dirs: ["logs"], files: ["config/.env"] };
    const failure = await failureOf(stage(rig.build("build", { a: "x" }), "v1", shared));
    assert.deepEqual(failure, { reason: "shared-missing", path: join(rig.layout.shared, "config/.env") });
    assert.deepEqual(treeOf(rig.layout.deployTo), before);
  });

  test("that the build has too are refused before anything is made", async () => {
    const before = treeOf(rig.layout.deployTo);
    const shared = { dirs: ["logs"], files: [] };
    const failure = await failureOf(stage(rig.build("build", { "logs/old": "x" }), "v1", shared));
    assert.deepEqual(failure, { reason: "shared-conflict", path: "logs" });
    assert.deepEqual(treeOf(rig.layout.deployTo), before);
  });

  test("that should be folders and are files are refused", async () => {
    writeFileSync(join(rig.layout.shared, "logs"), "");
    const failure = await failureOf(stage(rig.build("build", { a: "x" }), "v1", { dirs: ["logs"], files: [] }));
    assert.deepEqual(failure, { reason: "not-a-folder", path: join(rig.layout.shared, "logs") });
  });
});

describe("a manifest on the host", () => {
  test("tells tag, digest and revision without its thousands of entries being read", async () => {
    const { build } = await transfer(rig.layout, rig.build("build", { a: "x" }), "v1");
    const revision = { commit: 'c0ffee,"entries":[', dirty: true };
    mkdirSync(rig.layout.release("v2"));
    writeManifest(rig.layout, { ...manifestOf(build, "v2"), revision });
    assert.deepEqual(readManifestHead(rig.layout, "v2"), { tag: "v2", digest: build.digest, revision });
    assert.deepEqual(readManifestHead(rig.layout, "v1"), { tag: "v1", digest: build.digest });
    assert.deepEqual(readManifest(rig.layout, "v2"), { ...manifestOf(build, "v2"), revision });
  });

  test("that is damaged, or under another name, is as good as none", async () => {
    await transfer(rig.layout, rig.build("build", { a: "x" }), "v1");
    const text = readFileSync(rig.layout.manifest("v1"), "utf8");
    writeFileSync(rig.layout.manifest("v2"), text);
    writeFileSync(rig.layout.manifest("v3"), text.replace('"v1"', '"v3"').slice(0, -10));
    writeFileSync(rig.layout.manifest("v4"), text.replace('"v1"', '"v4"').replace('"path":"a"', '"path":"../a"'));
    assert.deepEqual(
      readHoldings(rig.layout).map(({ tag }) => tag),
      ["v1"],
    );
    assert.equal((await failureOf(verifyRelease(rig.layout, "v2"))).reason, "release-missing");
  });
});

describe("a release that is verified again", () => {
  const files = { "bin/shop": "binary", "lib/a": "alpha", empty: null, link: { to: "bin/shop" } };
  const damages: readonly (readonly [string, string, (root: string) => void])[] = [
    ["a byte has changed", "bin/shop", (root) => writeFileSync(join(root, "bin/shop"), "binarY")],
    ["a file is gone", "lib/a", (root) => rmSync(join(root, "lib/a"))],
    ["a folder is gone", "empty", (root) => rmSync(join(root, "empty"), { recursive: true })],
    ["a link leads elsewhere", "link", (root) => relink(join(root, "link"), "lib/a")],
    ["a file is a link now", "lib/a", (root) => relink(join(root, "lib/a"), "../x")],
    ["a program can not be read any more", "bin/shop", (root) => chmodSync(join(root, "bin/shop"), 0o600)],
    ["a folder can not be entered any more", "lib", (root) => chmodSync(join(root, "lib"), 0o700)],
  ];
  for (const [what, path, damage] of damages) {
    test(`is damaged when ${what}`, async () => {
      await transfer(rig.layout, rig.build("build", files), "v1");
      assert.equal(await verifyRelease(rig.layout, "v1"), undefined);
      damage(rig.layout.release("v1"));
      assert.equal(await verifyRelease(rig.layout, "v1"), path);
    });
  }

  test("is not damaged by what a program put beside its files", async () => {
    await transfer(rig.layout, rig.build("build", files), "v1");
    rig.build("deploy/releases/v1", { "lib/__pycache__/a.pyc": "cache" });
    assert.equal(await verifyRelease(rig.layout, "v1"), undefined);
  });
});

function relink(place: string, target: string): void {
  rmSync(place);
  symlinkSync(target, place);
}

describe("a release that is removed", () => {
  test("is gone with its manifest, and so are folders that forbid writing to the user who removes it", async () => {
    const build = rig.build("build", { "closed/inner/file": "x", a: "x" });
    chmodSync(join(build, "closed/inner"), 0o500);
    chmodSync(join(build, "closed"), 0o500);
    await runOk(["chown", "-R", "nobody", rig.folder]);
    await asNobody(async () => {
      await transfer(rig.layout, build, "v1");
      assert.equal(statSync(join(rig.layout.release("v1"), "closed")).mode & 0o777, 0o555);
      assert.deepEqual(await removeRelease(rig.layout, "v1"), {});
    });
    assert.deepEqual(readdirSync(rig.layout.releases), []);
    assert.deepEqual(readdirSync(rig.layout.manifests), []);
    assert.deepEqual(readdirSync(rig.layout.incoming), []);
  });

  test("is gone also when somebody else's files in it can not be deleted; they are told of and wait elsewhere", async () => {
    await runOk(["chown", "-R", "nobody", rig.folder]);
    const build = rig.build("build", { a: "x" });
    await asNobody(() => transfer(rig.layout, build, "v1"));
    rig.build("deploy/releases/v1", { "cache/foreign": "x" });
    const { leftover = "" } = await asNobody(() => removeRelease(rig.layout, "v1"));
    assert.ok(leftover.startsWith(`${rig.layout.incoming}/trash-v1-`));
    assert.ok(existsSync(join(leftover, "cache/foreign")));
    assert.deepEqual(readdirSync(rig.layout.releases), []);
    await clearIncoming(rig.layout);
    assert.deepEqual(readdirSync(rig.layout.incoming), []);
  });
});

async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid?.("nobody");
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

test("an upload that was staged and never came leaves nothing after clearIncoming", async () => {
  await stage(rig.build("build", { a: "x", "b/c": "y" }), "v1");
  assert.equal(readdirSync(rig.layout.incoming).length, 1);
  await clearIncoming(rig.layout);
  assert.deepEqual(readdirSync(rig.layout.incoming), []);
});

test("a release appears only under its own name, and its folder is one that everybody can enter", async () => {
  const { incoming, result } = await stage(rig.build("build", { d: null }), "v1");
  assert.ok(incoming);
  assert.deepEqual(result.missing, []);
  assert.equal(existsSync(rig.layout.release("v1")), false);
  await publish(incoming, NO_SHARED);
  assert.equal(lstatSync(rig.layout.release("v1")).mode & 0o7777, 0o755);
});
