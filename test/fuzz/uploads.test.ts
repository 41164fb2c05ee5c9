/**
 * Manifests, tar streams and archives, mutated: what is taken is on the disk as the manifest says, what is refused has left
 * nothing, and nothing is anywhere else. On a real file system, since that is what decides where a path leads.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import fc from "fast-check";
import { AgentError } from "../../agent/core/failure.ts";
import { impliedFolders, manifestProblem, sharedProblem } from "../../agent/core/manifest.ts";
import { receiveFiles } from "../../agent/io/release/receive.ts";
import { publish, removeRelease, verifyRelease } from "../../agent/io/release/release-store.ts";
import { stageRelease } from "../../agent/io/release/stage.ts";
import { closeFolders, makeFolders, makeLinks, removeTree } from "../../agent/io/release/tree.ts";
import { canonicalManifest, Manifest, type ManifestEntry } from "../../agent/wire/release.ts";
import { ZdrError } from "../../cli/failure.ts";
import { scanBuild } from "../../cli/io/build/build.ts";
import { makeReleaseRig, NO_SHARED, type ReleaseRig, treeOf } from "../support/fixtures/releases.ts";
import { fuzz } from "../support/fuzz/fuzz.ts";
import { mutatedBytes, mutatedJson, NASTY_TEXTS } from "../support/fuzz/mutate.ts";
import { rawMember, rawPax, TAR_END } from "../support/hostile/tar.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

let rig: ReleaseRig;
let untouched: Record<string, string>;
before(async () => {
  rig = makeReleaseRig("/dev/shm");
  for (const folder of ["outside", "tree", "archives"]) mkdirSync(rig.path(folder));
  mkdirSync(rig.layout.incoming);
  mkdirSync(rig.layout.manifests);
  untouched = treeOf(rig.folder);
});
after(() => rig.remove());

// ---- manifests ------------------------------------------------------------------------------------------------------

const part = fc.constantFrom(
  "a",
  "b",
  "c",
  "d.e",
  "é",
  "e\u0301",
  "A",
  "-x",
  " ",
  "x\ny",
  "..",
  ".",
  "",
  "a\n",
  "n".repeat(256),
);
const tamePart = fc.constantFrom("a", "b", "c", "A", "é", "x y");
const path = fc.oneof(
  { weight: 5, arbitrary: fc.array(tamePart, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/")) },
  { weight: 1, arbitrary: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")) },
  { weight: 1, arbitrary: fc.constantFrom(...NASTY_TEXTS) },
);
const target = fc.oneof(
  fc
    .array(fc.constantFrom("a", "b", "c", "A", "..", "..", "."), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join("/")),
  path,
);
const mode = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0o644, 0o755, 0o500, 0) },
  { weight: 1, arbitrary: fc.nat(2 ** 31) },
);
const entry: fc.Arbitrary<ManifestEntry> = fc.oneof(
  fc.record({ type: fc.constant("file" as const), path, mode, size: fc.constant(1), sha256: fc.constant(sha256("x")) }),
  fc.record({ type: fc.constant("dir" as const), path, mode }),
  fc.record({ type: fc.constant("link" as const), path, target }),
);
const entries = fc.array(entry, { minLength: 1, maxLength: 7 });

fuzz("a manifest that is accepted makes a tree that nothing leads out of", entries, async (list) => {
  const manifest = { tag: "v1", digest: sha256(canonicalManifest(list)), entries: list };
  if (manifestProblem(manifest) !== undefined) return;
  const root = rig.path("tree/release");
  mkdirSync(root);
  try {
    makeFolders(root, list);
    for (const file of list) if (file.type === "file") writeFileSync(join(root, file.path), "x", { flag: "wx" });
    makeLinks(root, list);
    for (const one of [...list.map(({ path: own }) => own), ...impliedFolders(list)]) {
      const real = realpathOf(join(root, one));
      if (real !== undefined) assert.ok(`${real}/`.startsWith(`${root}/`), `${one} leads to ${real}`);
    }
    closeFolders(root, list);
  } finally {
    await removeTree(root);
  }
  assert.deepEqual(readdirSync(rig.path("tree")), []);
});

/** undefined: it leads nowhere. */
function realpathOf(place: string): string | undefined {
  try {
    return realpathSync.native(place);
  } catch {
    return undefined;
  }
}

fuzz(
  "a mutated manifest is one that the schema refuses, that has its reason, or that is sound",
  mutatedJson(entries.map((list) => ({ tag: "v1", digest: sha256("x"), entries: list }))),
  (text) => {
    const parsed = Manifest.safeParse(JSON.parse(text === "" ? "null" : text));
    if (!parsed.success) return;
    const failure = manifestProblem(parsed.data, true);
    if (failure !== undefined) assert.ok(failure.reason === "unsafe-path" || failure.reason === "bad-request");
    sharedProblem(parsed.data.entries, { dirs: ["logs"], files: [text.slice(0, 20)] });
  },
);

// ---- tar streams ----------------------------------------------------------------------------------------------------

const LARGE = "y".repeat(1_100_000);
/** Too long for a header. Few folders: each of them is made and removed for every case. */
const LONG = `${"deep".repeat(20)}/${"deeper".repeat(12)}/file`;
const FILES: readonly (readonly [string, string])[] = [
  ["a/one", "first file"],
  ["b", ""],
  ["c", "z".repeat(600)],
  [LONG, "long"],
];
const manifestFor = (files: readonly (readonly [string, string])[]): Manifest => {
  const list = files.map(
    ([name, text]): ManifestEntry => ({
      ...{ type: "file", path: name, mode: 0o644, size: text.length, sha256: sha256(text) },
    }),
  );
  return { tag: "v1", digest: sha256(canonicalManifest(list)), entries: list };
};
const members = (files: readonly (readonly [string, string])[]) =>
  files.flatMap(([name, body]) => [...(name.length > 100 ? [rawPax({ path: name })] : []), rawMember({ name, body })]);
const stream = (files: readonly (readonly [string, string])[]) => Buffer.concat([...members(files), TAR_END]);

/** Whole members that change places, are there twice, or are others: closer to what is sent than changed bytes. */
const shuffled = fc
  .array(
    fc.oneof(
      fc.constantFrom(...members(FILES)),
      fc
        .record({ name: path, body: fc.constant("x"), type: fc.constantFrom("0", "1", "2", "5", "g", "L", "x") })
        .map(rawMember),
    ),
    { maxLength: 8 },
  )
  .map((list) => Buffer.concat([...list, TAR_END]));

async function receive(bytes: Buffer, manifest: Manifest, pieceBytes: number): Promise<unknown> {
  try {
    const { incoming, result } = await stageRelease(rig.layout, manifest, NO_SHARED, { dryRun: false });
    assert.ok(incoming);
    const receiver = receiveFiles(incoming, result.missing);
    for (let at = 0; at < bytes.length; at += pieceBytes) await receiver.write(bytes.subarray(at, at + pieceBytes));
    await receiver.end();
    await publish(incoming, NO_SHARED);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function assertTakenOrNothing(bytes: Buffer, manifest: Manifest, pieceBytes: number): Promise<void> {
  const error = await receive(bytes, manifest, pieceBytes);
  if (error === undefined) {
    assert.equal(await verifyRelease(rig.layout, "v1"), undefined);
    await removeRelease(rig.layout, "v1");
  } else assert.ok(error instanceof AgentError && error.failure.reason !== "internal", String(error));
  assert.deepEqual(treeOf(rig.folder), untouched);
}

fuzz(
  "a mutated stream is a release as its manifest says, or nothing",
  fc.tuple(mutatedBytes(fc.constant(stream(FILES))), fc.constantFrom(100, 512, 4096, 1 << 20)),
  ([bytes, pieceBytes]) => assertTakenOrNothing(bytes, manifestFor(FILES), pieceBytes),
  { ciShare: 0.25 },
);

fuzz(
  "members in any order, with others among them, are a release as its manifest says, or nothing",
  fc.tuple(shuffled, fc.constantFrom(100, 512, 1 << 20)),
  ([bytes, pieceBytes]) => assertTakenOrNothing(bytes, manifestFor(FILES), pieceBytes),
  { ciShare: 0.25 },
);

fuzz(
  "a mutated stream with a file that is too large to be held is a release as its manifest says, or nothing",
  mutatedBytes(
    fc.constant(
      stream([
        ["large", LARGE],
        ["a/one", "first file"],
      ]),
    ),
  ),
  (bytes) =>
    assertTakenOrNothing(
      bytes,
      manifestFor([
        ["large", LARGE],
        ["a/one", "first file"],
      ]),
      100_000,
    ),
  { ciShare: 0.05, nightShare: 0.05 },
);

// ---- archives on the operator's machine -----------------------------------------------------------------------------

const archive = fc.oneof(mutatedBytes(fc.constant(stream(FILES))), shuffled);

fuzz(
  "a mutated archive is read as a build, or refused, and nothing of it stands anywhere else",
  archive,
  async (bytes) => {
    const file = rig.path("archives/build.tar");
    writeFileSync(file, bytes);
    try {
      const build = await scanBuild(file, { modes: "normalize" });
      await build.dispose();
    } catch (error) {
      assert.ok(error instanceof ZdrError && error.failure.kind === "build", String(error));
    }
    rmSync(file);
    assert.ok(!existsSync(rig.path("outside/evil")));
  },
  { ciShare: 0.25 },
);
