/** What zdr remembers of a build may be wrong, whoever made it so: then nothing of it may get onto a host. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { startRig } from "../../support/rig.ts";

describe("a build of which something wrong is remembered", () => {
  test("is refused by the host, told, and read anew by the next deploy", async (context) => {
    const rig = await startRig({ after: (clean) => context.after(clean) });
    await rig.addSample("node-plain", { start_seconds: 1, watch: 0 });
    const build = await rig.useSample("node-plain", { release: "v1" });
    const cache = join(rig.dir, "cache");
    await mkdir(join(cache, "zdr"), { recursive: true });
    const zdr = (...args: string[]) => rig.zdr(args, { env: { XDG_CACHE_HOME: cache } });
    assert.equal((await zdr("setup")).code, 0);
    const builds = join(cache, "zdr/builds");
    const remembered = async () => join(builds, (await readdir(builds).catch(() => []))[0] ?? "none");
    const isSettled = async () => {
      const files = await Promise.all((await readdir(build)).map((name) => stat(join(build, name))));
      return files.every(({ ctimeMs }) => Date.now() - ctimeMs > 2_500);
    };
    await eventually(isSettled, { name: "a build that nobody has just made" });
    const first = await zdr("deploy", "--tag", "v1");
    assert.equal(first.code, 0, first.stderr);

    const offered = await zdr("complete", "--", "rollback", "--to", "");
    assert.match(offered.stdout, /^v1\t$/m, "completion knows the release without asking the host");

    const file = await remembered();
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace(/"[0-9a-f]{64}"/, `"${"0".repeat(64)}"`));
    const wrong = await zdr("deploy", "--tag", "v2");
    assert.equal(wrong.code, 6, wrong.stderr);
    assert.deepEqual(await readdir(join(rig.deployTo, "releases")), ["v1"]);
    assert.deepEqual(await readdir(builds), []);

    const right = await zdr("deploy", "--tag", "v2");
    assert.equal(right.code, 0, right.stderr);
  });
});
