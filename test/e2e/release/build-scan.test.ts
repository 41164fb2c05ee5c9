import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Header, type HeaderData } from "tar/header";
import { ZdrError } from "../../../cli/failure.ts";
import { type ScannedBuild, scanBuild } from "../../../cli/io/build/build.ts";
import { eventually } from "../../support/eventually.ts";
import { makeNastyBuild, makeReleaseRig, type ReleaseRig, treeOf } from "../../support/fixtures/releases.ts";
import { runOk } from "../../support/processes.ts";

let rig: ReleaseRig;
beforeEach(() => {
  rig = makeReleaseRig();
});
afterEach(() => rig.remove());

const scan = (path: string, modes: "normalize" | "preserve" = "normalize") => scanBuild(path, { modes });

/** What this process has open. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return []; // that of this very list
    }
  });
}

async function refusalOf(work: Promise<ScannedBuild>): Promise<string> {
  const error = await work.then(
    () => assert.fail("it was accepted"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ZdrError && error.failure.kind === "build", String(error));
  return `${error.failure.path}: ${error.failure.problem}`;
}

describe("a folder", () => {
  test("gives the same digest whenever and wherever it is read, and another one after any change", async () => {
    const first = await scan(makeNastyBuild(rig, "one"));
    await runOk(["cp", "-a", rig.path("one"), rig.path("two")]);
    assert.equal((await scan(rig.path("two"))).digest, first.digest);
    chmodSync(rig.path("two/tool"), 0o600);
    const changed = await scan(rig.path("two"));
    assert.notEqual(changed.digest, first.digest);
    assert.equal(changed.totalBytes, first.totalBytes);
  });

  test("is told in the order of its paths, by code units, in which a folder and what is in it may stand apart", async () => {
    const names = ["a/x", "a/b/c", "a-b", "a.b/y", "a0", "aa", "B", "\u00e9", "a/b.c", "a/b-c/d"];
    rig.build("order", Object.fromEntries(names.map((name) => [name, name])));
    const { entries, marks } = await scan(rig.path("order"));
    const paths = entries.map(({ path }) => path);
    assert.deepEqual(paths, [...paths].sort());
    assert.ok(
      paths.indexOf("a") < paths.indexOf("a-b") && paths.indexOf("a-b") < paths.indexOf("a/x"),
      paths.join(" "),
    );
    assert.deepEqual(
      marks.map((mark) => mark !== undefined),
      entries.map(({ type }) => type === "file"),
    );
  });

  test("may be named by a link, and may have nothing but an empty folder in it", async () => {
    rig.build("real", { empty: null });
    rig.build(".", { dist: { to: "real" } });
    const { entries, root } = await scan(rig.path("dist"));
    assert.deepEqual(entries, [{ type: "dir", path: "empty", mode: 0o755 }]);
    assert.equal(root, rig.path("real"));
  });

  test("is read in small bites, so that the network is heard meanwhile", async () => {
    const path = rig.build("build", { big: "" });
    truncateSync(join(path, "big"), 300 * 1024 * 1024);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await scan(path);
    clearInterval(timer);
    assert.ok(turns >= 5, `timers had ${turns} turns`);
  });

  const links: readonly (readonly [string, string])[] = [
    ["/etc/passwd", "an absolute path"],
    ["..", "the folder above"],
    ["a/../../x", "above, in a roundabout way"],
  ];
  for (const [to, what] of links) {
    test(`with a link to ${what} is refused by name`, async () => {
      const refusal = await refusalOf(scan(rig.build("build", { "a/b": "x", escape: { to } })));
      assert.equal(refusal, `escape: is a link to ${JSON.stringify(to)}, which leads out of the build`);
    });
  }

  test("with a link that leads out through another link is refused by name", async () => {
    rig.build("x", { secret: "s" });
    const files = { "deep/a/b/up": { to: "../../.." }, "deep/c": { to: "a/b/up/../x" } };
    assert.match(await refusalOf(scan(rig.build("build", files))), /^deep\/c: is a link to/);
  });

  test("with a link in a circle is refused by name", async () => {
    assert.match(await refusalOf(scan(rig.build("build", { a: { to: "b" }, b: { to: "a" } }))), /^a: is a link to "b"/);
  });

  test("with a fifo, a socket or a device is refused by name", async () => {
    const path = rig.build("build", { a: "x" });
    for (const [name, make] of [
      ["fifo", ["mkfifo", join(path, "fifo")]],
      ["device", ["mknod", join(path, "device"), "c", "1", "3"]],
    ] as const) {
      await runOk([...make] as [string, ...string[]]);
      assert.match(await refusalOf(scan(path)), new RegExp(`^${name}: is a ${name}`));
      rmSync(join(path, name));
    }
    const server = createServer().listen(join(path, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    assert.match(await refusalOf(scan(path)), /^socket: is a socket/);
    await new Promise((resolve) => server.close(resolve));
  });

  test("with a name or a link's target that is not UTF-8 is refused by name; U+FFFD itself is a letter", async () => {
    const path = rig.build("build", { "odd \ufffd": "x" });
    assert.equal((await scan(path)).entries.length, 1);
    writeFileSync(Buffer.concat([Buffer.from(`${path}/caf`), Buffer.from([0xe9])]), "x");
    assert.match(await refusalOf(scan(path)), /caf\u00e9: has a name that is not valid UTF-8/);
  });

  test("with names that end with a newline, or differ only in Unicode normalisation, is refused by name", async () => {
    assert.match(await refusalOf(scan(rig.build("one", { "a\n": "x" }))), /^a\n: its name ends with a newline/);
    const twins = rig.build("two", { "caf\u00e9": "x", "cafe\u0301": "x" });
    assert.match(await refusalOf(scan(twins)), /normalisation/);
  });

  test("with a setuid file is refused where modes are preserved, and loses the bit where they are not", async () => {
    const path = rig.build("build", { tool: "x" });
    chmodSync(join(path, "tool"), 0o4755);
    assert.match(await refusalOf(scan(path, "preserve")), /^tool: has mode 4755/);
    assert.deepEqual(
      (await scan(path)).entries.map((entry) => entry.type === "file" && entry.mode),
      [0o755],
    );
  });

  test("that is empty, or not there, is refused by name", async () => {
    assert.match(await refusalOf(scan(rig.build("build", {}))), /build: holds nothing/);
    assert.match(await refusalOf(scan(rig.path("none"))), /none: can not be read \(ENOENT\)/);
    assert.match(await refusalOf(scan("/dev/null")), /null: is neither a folder nor an archive/);
  });
});

describe("an archive", () => {
  const archive = () => rig.path("build.tar");

  test("of any format that tar(1) writes gives the same release as its folder", async () => {
    const path = makeNastyBuild(rig, "build");
    writeFileSync(join(path, "hard link"), "one file");
    await runOk(["ln", join(path, "hard link"), join(path, "another name")]);
    const { digest } = await scan(path);
    for (const format of ["gnu", "pax"]) {
      for (const zip of ["", "z"]) {
        await runOk(["tar", `c${zip}f`, archive(), `--format=${format}`, "-C", path, "."]);
        const unpacked = await scan(archive());
        assert.equal(unpacked.digest, digest, `${format} ${zip}`);
        await unpacked.dispose();
      }
    }
  });

  test("is unpacked into a folder that nobody else can look into, and that is gone after dispose", async () => {
    await runOk(["tar", "cf", archive(), "-C", rig.build("build", { a: "x" }), "a"]);
    const { root, dispose } = await scan(archive());
    assert.deepEqual(Object.keys(treeOf(root)), ["a"]);
    assert.equal((await runOk(["stat", "-c", "%a", root])).trim(), "700");
    await dispose();
    assert.throws(() => readdirSync(root), { code: "ENOENT" });
  });

  /** Members spelled out, as no tar(1) would write them. */
  function craft(...members: readonly (HeaderData & { readonly body?: string })[]): string {
    const blocks = members.flatMap(({ body = "", ...fields }) => {
      const block = Buffer.alloc(512);
      new Header({ type: "File", mode: 0o644, size: body.length, ...fields }).encode(block);
      return [block, Buffer.from(body.padEnd(Math.ceil(body.length / 512) * 512, "\0"))];
    });
    writeFileSync(archive(), Buffer.concat([...blocks, Buffer.alloc(1024)]));
    return archive();
  }

  /** Where archives are unpacked to, for this test alone. */
  async function unpackingIn(work: (folder: string) => Promise<void>): Promise<void> {
    const before = process.env.TMPDIR;
    const folder = mkdtempSync(join(tmpdir(), "zdr-unpack-"));
    process.env.TMPDIR = folder;
    try {
      await work(folder);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      rmSync(folder, { recursive: true });
    }
  }

  const hostile: readonly (readonly [string, RegExp, () => string])[] = [
    ["climbs out", /leads out of the archive/, () => craft({ path: "../x", body: "x" })],
    ["is absolute", /leads out of the archive/, () => craft({ path: "/tmp/x", body: "x" })],
    ["appears twice", /appears twice/, () => craft({ path: "a", body: "x" }, { path: "./a", body: "y" })],
    [
      "stands below a link",
      /stands below a link/,
      () => craft({ path: "l", type: "SymbolicLink", linkpath: "/tmp" }, { path: "l/x", body: "x" }),
    ],
    [
      "is a link that leads out",
      /leads out of the build/,
      () => craft({ path: "l", type: "SymbolicLink", linkpath: "../x" }),
    ],
    [
      "is a hard link to outside",
      /is a hard link to/,
      () => craft({ path: "l", type: "Link", linkpath: "/etc/passwd" }),
    ],
    ["is a device", /is a CharacterDevice/, () => craft({ path: "null", type: "CharacterDevice" })],
    ["is a fifo", /is a FIFO/, () => craft({ path: "fifo", type: "FIFO" })],
  ];
  for (const [what, reason, make] of hostile) {
    test(`in which a member ${what} is refused, and leaves nothing behind`, async () => {
      await unpackingIn(async (folder) => {
        assert.match(await refusalOf(scan(make())), reason);
        assert.deepEqual(readdirSync(folder), []);
      });
    });
  }

  test("with a sparse file in GNU's own form is refused instead of being read wrong", async () => {
    const path = rig.build("build", { sparse: "" });
    truncateSync(join(path, "sparse"), 10 * 1024 * 1024);
    await runOk(["tar", "cSf", archive(), "--format=pax", "-C", path, "sparse"]);
    assert.match(await refusalOf(scan(archive())), /is a sparse file/);
    await runOk(["tar", "cSf", archive(), "--format=gnu", "-C", path, "sparse"]);
    assert.match(await refusalOf(scan(archive())), /sparse/i);
  });

  test("that is refused at its first bytes is not kept open", async () => {
    writeFileSync(archive(), Buffer.alloc(4096, "x"));
    await refusalOf(scan(archive()));
    // It is closed behind the back of whoever reads it.
    await eventually(() => !openFiles().includes(archive()), { name: "the archive is closed", timeoutMs: 20_000 });
  });

  test("that is cut off, damaged or no archive at all is refused, and leaves nothing behind", async () => {
    const path = rig.build("build", { a: randomBytes(3_000_000), b: "y".repeat(5000) });
    await runOk(["tar", "cf", archive(), "-C", path, "."]);
    const whole = readFileSync(archive());
    const zipped = gzipSync(whole);
    const damagedZip = Buffer.from(zipped);
    damagedZip.writeUInt8((damagedZip[damagedZip.length - 6] ?? 0) ^ 0xff, damagedZip.length - 6);
    const damagedHeader = Buffer.from(whole);
    damagedHeader.write("x", 3);
    const broken = [
      whole.subarray(0, 700),
      whole.subarray(0, 3000),
      zipped.subarray(0, -20),
      damagedZip,
      damagedHeader,
    ];
    await unpackingIn(async (folder) => {
      for (const bytes of [...broken, Buffer.alloc(0), Buffer.from("hello"), Buffer.alloc(2000, "x")]) {
        writeFileSync(archive(), bytes);
        assert.match(await refusalOf(scan(archive())), /build\.tar: is no whole tar archive/);
      }
      assert.deepEqual(readdirSync(folder), []);
    });
  });
});

test("a build in which the same folder is listed twice by its archive is read once", async () => {
  const path = rig.build("build", { "d/a": "x" });
  mkdirSync(join(path, "e"));
  await runOk(["tar", "cf", rig.path("twice.tar"), "--exclude=a", "-C", path, "d", "d", "e"]);
  const { entries, dispose } = await scan(rig.path("twice.tar"));
  assert.deepEqual(
    entries.map((entry) => entry.path),
    ["d", "e"],
  );
  await dispose();
});
