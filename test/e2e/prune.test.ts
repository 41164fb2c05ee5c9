/** Releases go when nothing needs them any more, and not before. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Rig, startRig } from "../support/rig.ts";

describe("what stays of the releases with keep: 1", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) });
    await rig.configure({ keep: 1 });
    await rig.addSample("gunicorn", { watch: 0 });
    await ok("setup");
    await deploy("v1");
    await deploy("v2");
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
  };
  const deploy = async (tag: string) => {
    await rig.useSample("gunicorn", { release: tag });
    await ok("deploy", "--tag", tag);
  };
  const present = async () => (await readdir(join(rig.deployTo, "releases"))).sort();

  test("what a rollback would take stays beside current", async () => {
    assert.deepEqual(await present(), ["v1", "v2"]);
  });

  test("a release in which somebody stands stays until they leave", async () => {
    const shell = spawn("sleep", ["600"], { cwd: join(rig.deployTo, "releases/v1"), stdio: "ignore" });
    try {
      await deploy("v3");
      assert.deepEqual(await present(), ["v1", "v2", "v3"]);
    } finally {
      shell.kill("SIGKILL");
      await once(shell, "exit");
    }
    await deploy("v4");
    assert.deepEqual(await present(), ["v3", "v4"]);
  });

  test("a release that failed goes with the next deploy that works, and takes nobody's place", async () => {
    await rig.useSample("gunicorn", { release: "v5", variant: "crash-in-check" });
    assert.notEqual((await rig.zdr(["deploy", "--tag", "v5"])).code, 0);
    assert.deepEqual(await present(), ["v3", "v4", "v5"]);
    await deploy("v6");
    assert.deepEqual(await present(), ["v4", "v6"]);
  });

  test("a folder that zdr did not put there is left alone", async () => {
    await mkdir(join(rig.deployTo, "releases/by-hand"));
    await deploy("v7");
    assert.deepEqual(await present(), ["by-hand", "v6", "v7"]);
  });

  test("a release that was rolled back from counts as one that was proved, while there is room for it", async () => {
    await rig.configure({ keep: 2 });
    await ok("rollback");
    assert.deepEqual(await present(), ["by-hand", "v6", "v7"]);
    await deploy("v8");
    assert.deepEqual(await present(), ["by-hand", "v6", "v8"]);
  });
});
