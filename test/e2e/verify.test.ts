/** What has become of releases on a host since they were published: every file that was touched is named. */
import assert from "node:assert/strict";
import { appendFile, chmod, cp, mkdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import type { VerifiedRelease } from "../../agent/wire/verify.ts";
import { type Rig, startRig } from "../support/rig.ts";
import { assertTold, resultOf } from "../support/wrong-world.ts";

describe("zdr verify", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  /** As it was published. */
  let untouched: string;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    await rig.addSample("node-plain", { watch: 0 });
    await rig.configure({ shared: { dirs: ["var/uploads"] } });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    assertTold(await rig.zdr(["verify"]), { exit: 5, error: /nothing is deployed yet/ });
    for (const release of ["v1", "v2"]) {
      const build = join(rig.project, `build-${release}`);
      await cp(await rig.useSample("node-plain", { release }), build, { recursive: true });
      await mkdir(join(build, "assets"));
      await writeFile(join(build, "assets/a.txt"), "a");
      await symlink("assets/a.txt", join(build, "latest"));
      await rig.configure({ build: { path: build } });
      const { code, stderr } = await rig.zdr(["deploy", "--tag", release]);
      assert.equal(code, 0, stderr);
    }
    await writeFile(join(rig.deployTo, "shared/var/uploads/picture"), "of a user");
    untouched = join(rig.dir, "untouched");
    await cp(join(rig.deployTo, "releases"), untouched, { recursive: true, verbatimSymlinks: true });
  });
  afterEach(async () => {
    await rm(join(rig.deployTo, "releases"), { recursive: true });
    await cp(untouched, join(rig.deployTo, "releases"), { recursive: true, verbatimSymlinks: true });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const inRelease = (tag: string, path: string) => join(rig.deployTo, "releases", tag, path);
  const differences = async (...args: string[]) => {
    const { hosts } = resultOf<{ hosts: { releases: VerifiedRelease[] }[] }>(
      await rig.zdr(["verify", "--json", ...args]),
    );
    return hosts[0]?.releases.flatMap((release) =>
      release.differences.map(({ path, how, was, is }) => [release.tag, path, how, was, is]),
    );
  };

  test("what is as it was published is said to be, with its shared links, and nothing shared is looked at", async () => {
    const { code, stdout, stderr } = await rig.zdr(["verify", "--all"]);
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.match(
      stdout,
      /local +v1 +good +\d+ +\S+ kB +as published\nlocal +\* +v2 +good +\d+ +\S+ kB +as published\n$/,
    );
  });

  test("each file that was changed, added or removed is named, and the command exits with 5", async () => {
    await appendFile(inRelease("v2", "server.mjs"), "// by hand\n");
    await writeFile(inRelease("v2", "VERSION"), "v9\n");
    await chmod(inRelease("v2", "assets"), 0o777);
    await rm(inRelease("v2", "assets/a.txt"));
    await rm(inRelease("v2", "latest"));
    await symlink("/etc/passwd", inRelease("v2", "latest"));
    await writeFile(inRelease("v2", "assets/b.txt"), "b");
    await writeFile(Buffer.from(`${inRelease("v2", "assets/")}\xff`, "latin1"), "no UTF-8");
    const size = (await readFile(join(untouched, "v2/server.mjs"))).length;
    assert.deepEqual(await differences(), [
      ["v2", "VERSION", "content", undefined, undefined],
      ["v2", "assets", "mode", "0755", "0777"],
      ["v2", "assets/a.txt", "removed", undefined, undefined],
      ["v2", "assets/b.txt", "added", undefined, "file"],
      ["v2", "assets/\ufffd", "added", undefined, "other"],
      ["v2", "latest", "target", "assets/a.txt", "/etc/passwd"],
      ["v2", "server.mjs", "size", `${size}`, `${size + "// by hand\n".length}`],
    ]);
    const result = await rig.zdr(["verify"]);
    const error = /local: release v2 is not as it was published: VERSION and 6 more differ/;
    assertTold(result, { exit: 5, error, hint: /another tag/ });
    assert.match(result.stdout, /local +v2 +assets +changed: mode 0777, was 0755/);
  });

  test("a folder that became a link is not entered", async () => {
    await rm(inRelease("v2", "assets"), { recursive: true });
    await symlink("/proc", inRelease("v2", "assets"));
    assert.deepEqual(await differences(), [
      ["v2", "assets", "type", "dir", "link"],
      ["v2", "assets/a.txt", "removed", undefined, undefined],
    ]);
  });

  test("without a tag what is current is compared, with tags those, with --all every one", async () => {
    await writeFile(inRelease("v1", "VERSION"), "v9\n");
    assert.deepEqual(await differences(), []);
    const damage = [["v1", "VERSION", "content", undefined, undefined]];
    assert.deepEqual(await differences("v1", "v2"), damage);
    assert.deepEqual(await differences("--all"), damage);
    assert.equal((await rig.zdr(["verify", "v1"])).code, 5);
  });

  test("a release that is not there is no release that could be compared", async () => {
    assertTold(await rig.zdr(["verify", "v7"]), { exit: 5, error: /there is no release v7/, hint: /zdr releases/ });
    await mkdir(join(rig.deployTo, "releases/by-hand"));
    const { code, stdout } = await rig.zdr(["verify", "--all"]);
    assert.equal(code, 0);
    assert.match(stdout, /by-hand +unknown +not put there by zdr/);
  });

  test("a release that was changed by hand is not made to serve again, neither by rollback nor by deploy", async () => {
    await rig.configure({ build: { path: join(rig.project, "build-v1") } });
    await writeFile(inRelease("v1", "VERSION"), "v9\n");
    for (const args of [["rollback"], ["deploy", "--tag", "v1"]]) {
      const error = /local: release v1 is not as it was published: VERSION differs/;
      assertTold(await rig.zdr(args), { exit: 5, error, state: /still serves v2|not touched/, hint: /another tag/ });
    }
    assert.equal(await readlink(join(rig.deployTo, "current")), "releases/v2");
  });

  test("whoever waits is told how much there is to read, and how much has been read", async () => {
    const { stdout } = await rig.zdr(["verify", "--all", "--json"]);
    const told = [...stdout.matchAll(/"event":"reading","doneBytes":(\d+),"totalBytes":(\d+)/g)];
    const [first, last] = [told[0], told.at(-1)];
    assert.deepEqual([first?.[1], last?.[1]], ["0", first?.[2]]);
    assert.ok(Number(first?.[2]) > 0);
  });
});
