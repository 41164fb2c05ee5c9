/** Builds and layouts for tests of how a build becomes a release, without a link between the two ends. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { lstat, readdir, readFile, readlink, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Layout, layoutOf } from "../../agent/core/layout.ts";
import { receiveFiles } from "../../agent/io/receive.ts";
import type { SharedPaths } from "../../agent/io/release/shared.ts";
import { publish } from "../../agent/io/release-store.ts";
import { type Staging, stageRelease } from "../../agent/io/stage.ts";
import type { Manifest } from "../../agent/protocol.ts";
import { type ScannedBuild, scanBuild } from "../../cli/io/build.ts";
import { packFiles } from "../../cli/io/pack.ts";

export const NO_SHARED: SharedPaths = { dirs: [], files: [] };

export interface ReleaseRig {
  /** A folder of this test's own. */
  readonly folder: string;
  readonly layout: Layout;
  path(name: string): string;
  /** Makes a build: texts are files, `null` is an empty folder, `{ to }` a link. */
  build(name: string, files: Readonly<Record<string, string | Buffer | null | { readonly to: string }>>): string;
  remove(): void;
}

/** A layout as `setup` makes it. `under`: where; tmpfs is quick. */
export function makeReleaseRig(under = tmpdir()): ReleaseRig {
  const folder = mkdtempSync(join(under, "zdr-release-"));
  const path = (name: string) => join(folder, name);
  const layout = layoutOf(path("deploy"));
  for (const place of [layout.deployTo, layout.zdr, layout.releases, layout.shared]) mkdirSync(place);
  const build: ReleaseRig["build"] = (name, files) => {
    mkdirSync(path(name), { recursive: true });
    for (const [file, content] of Object.entries(files)) {
      const place = join(path(name), file);
      mkdirSync(content === null ? place : dirname(place), { recursive: true });
      if (typeof content === "string" || Buffer.isBuffer(content)) writeFileSync(place, content);
      else if (content !== null) symlinkSync(content.to, place);
    }
    return path(name);
  };
  return { folder, layout, path, build, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export function manifestOf(build: ScannedBuild, tag: string): Manifest {
  // As it comes out of the wire: nothing of it is shared with the sender.
  return structuredClone({ tag, digest: build.digest, entries: [...build.entries] });
}

export interface Transfer extends Staging {
  readonly build: ScannedBuild;
  readonly receivedBytes: number;
}

/** All of a deploy's staging, with the bytes handed over in pieces that fit no boundary. */
export async function transfer(
  layout: Layout,
  path: string,
  tag: string,
  { shared = NO_SHARED, pieceBytes = 65_521, modes = "normalize" as "normalize" | "preserve" } = {},
): Promise<Transfer> {
  const build = await scanBuild(path, { modes });
  const staging = await stageRelease(layout, manifestOf(build, tag), shared, { dryRun: false });
  const { incoming, result } = staging;
  if (incoming === undefined) return { ...staging, build, receivedBytes: 0 };
  const receiver = receiveFiles(incoming, result.missing);
  for await (const frame of packFiles(build, result.missing)) {
    for (let at = 0; at < frame.length; at += pieceBytes) await receiver.write(frame.subarray(at, at + pieceBytes));
  }
  const { receivedBytes } = await receiver.end();
  await publish(incoming, shared);
  return { ...staging, build, receivedBytes };
}

/** What stands below a folder, byte for byte and mode for mode: path -> a line that tells all of it. */
export async function treeOf(root: string, folder = ""): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const name of await readdir(join(root, folder))) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const stat = await lstat(join(root, path));
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) tree[path] = `link ${await readlink(join(root, path))}`;
    else if (stat.isFile()) tree[path] = `file ${mode} ${(await readFile(join(root, path))).toString("base64")}`;
    else Object.assign(tree, { [path]: `dir ${mode}` }, await treeOf(root, path));
  }
  return tree;
}

/** A build with everything that has ever got lost on the way to a host. */
export function makeNastyBuild(rig: ReleaseRig, name: string): string {
  const long = `${"deep-folder-with-a-long-name/".repeat(9)}${"f".repeat(120)}`;
  const root = rig.build(name, {
    "bin/shop": randomBytes(3 * 1024 * 1024 + 17),
    empty: "",
    "empty folder/inner": null,
    "line\nbreak": "in the name",
    [`${"lines\n".repeat(38)}and \u00fcml\u00e4uts.txt`]:
      "longer than a tar header, with newlines and letters of two bytes",
    'it\'s "quoted" \\ $(touch pwned) `x` *': "quotes",
    "\u65e5\u672c\u8a9e/caf\u00e9 \ud83d\ude80": "unicode",
    [long]: "a path of more than 255 bytes",
    ["n".repeat(100)]: "a name that just fills the field of a tar header",
    [`${"p".repeat(120)}/${"q".repeat(99)}`]: "a name in both fields of a tar header",
    "-rf": "a name like an option",
    "exactly-one-block": Buffer.alloc(512, "b"),
    "links/up": { to: "../bin/shop" },
    "links/folder": { to: "../empty folder" },
    "links/dangling": { to: "../no/such file" },
    private: "0600",
    tool: "#!/bin/sh\n",
  });
  for (let i = 0; i < 300; i++) writeFileSync(join(root, `small-${i}`), randomBytes(i * 37));
  chmodSync(join(root, "private"), 0o600);
  chmodSync(join(root, "tool"), 0o700);
  chmodSync(join(root, "bin/shop"), 0o4755);
  chmodSync(join(root, "empty folder"), 0o500);
  return root;
}

/** Memory where there is enough of it, else the disk. */
export async function roomyFolder(bytes: number): Promise<string> {
  const space = await statfs("/dev/shm").catch(() => undefined);
  return space !== undefined && space.bavail * space.bsize > bytes ? "/dev/shm" : tmpdir();
}
