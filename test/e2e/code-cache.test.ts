import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";

/** The one cache in a folder: its path, its bytes and when it was made. */
async function theCache(folder: string, ending: RegExp) {
  const names = (await readdir(folder)).filter((name) => ending.test(name));
  assert.equal(names.length, 1, `${folder} has ${names}`);
  const path = join(folder, names[0] ?? "");
  return { path, bytes: await readFile(path), made: (await stat(path)).mtimeMs };
}

describe("what V8 made of zdr", () => {
  let rig: Rig;
  const cleanUps: (() => Promise<void>)[] = [];
  before(async () => {
    rig = await startRig({ after: (clean) => void cleanUps.push(clean) });
  });
  after(() => Promise.all(cleanUps.map((clean) => clean())));

  const help = async (cache: string) => {
    const { code, stdout } = await rig.zdr(["help"], { env: { XDG_CACHE_HOME: cache } });
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: zdr/);
  };
  const newFolder = async (context: TestContext) => {
    const folder = await mkdtemp(join(tmpdir(), "zdr-cache-"));
    context.after(() => rm(folder, { recursive: true, force: true }));
    return folder;
  };

  test("is kept by the first run, for its owner alone, and used by the second", async (context) => {
    const folder = await newFolder(context);
    await help(folder);
    const first = await theCache(join(folder, "zdr"), /-help\.code$/);
    assert.equal((await stat(first.path)).mode & 0o777, 0o600);
    await help(folder);
    assert.equal((await theCache(join(folder, "zdr"), /-help\.code$/)).made, first.made);
  });

  test("is made anew where it was damaged, and those of other builds go", async (context) => {
    const folder = await newFolder(context);
    await help(folder);
    const { path, bytes } = await theCache(join(folder, "zdr"), /-help\.code$/);
    const other = join(folder, "zdr", "0123456789abcdef-help.code");
    await writeFile(other, "of another build");
    await truncate(path, bytes.length - 100);
    await help(folder);
    const mended = await theCache(join(folder, "zdr"), /\.code$/);
    assert.equal(mended.path, path);
    // V8 does not keep as many bytes of the same code each time.
    assert.ok(!mended.bytes.equals(bytes.subarray(0, -100)));
    await help(folder);
    assert.equal((await theCache(join(folder, "zdr"), /\.code$/)).made, mended.made, "it is used");
  });

  test("is done without where it can not be kept", () => help("/proc/no/such/folder"));
});

describe("what V8 made of the agent", () => {
  async function startHost(context: TestContext) {
    const rig = await startRig(context);
    await rig.addSample("node-plain");
    await rig.useSample("node-plain", { release: "v1" });
    assert.equal((await rig.zdr(["setup"])).code, 0);
    const folder = join(rig.deployTo, ".zdr/code-cache");
    const cache = () => theCache(folder, /-status$/);
    const status = async () => assert.match((await rig.zdr(["status"])).stdout, /^shop /);
    await status();
    await eventually(cache, { name: "the session has kept it" });
    return { rig, cache, status };
  }

  test("is kept by the first session and used by the second", async (context) => {
    const { cache, status } = await startHost(context);
    const { made } = await cache();
    await status();
    assert.equal((await cache()).made, made);
  });

  test("is made anew where it was damaged", async (context) => {
    const { cache, status } = await startHost(context);
    const { path, bytes } = await cache();
    await writeFile(path, bytes.fill(0, 100, 200));
    await status();
    await eventually(async () => !(await cache()).bytes.equals(bytes), { name: "it is whole again" });
  });

  test("is not believed in a folder that others can write to", async (context) => {
    const { rig, cache, status } = await startHost(context);
    const { path } = await cache();
    await writeFile(path, "nobody looks at this");
    await chmod(join(rig.deployTo, ".zdr"), 0o770);
    await status();
    assert.equal(await readFile(path, "utf8"), "nobody looks at this");
  });
});
