/** Releases go when nothing needs them any more, and not before. */
import assert from "node:assert/strict";
import { chown, cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Child, startChild } from "../support/child.ts";
import { type Rig, type RigOptions, startRig } from "../support/rig.ts";

/** A host that keeps one good release, and what it takes to deploy to it. */
function keepsOne(options: RigOptions = {}) {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;
  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) }, options);
    await rig.configure({ keep: 1 });
    await rig.addSample("gunicorn", { watch: 0 });
    await ok("setup");
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
    return stderr;
  };
  const deploy = async (tag: string) => {
    // Whoever deploys may have no right to look into the folder of the samples.
    const build = join(rig.project, "build");
    await rm(build, { recursive: true, force: true });
    await cp(await rig.useSample("gunicorn", { release: tag }), build, { recursive: true });
    await rig.configure({ build: { path: build } });
    return ok("deploy", "--tag", tag);
  };
  const present = async () => (await readdir(join(rig.deployTo, "releases"))).sort();
  return { rig: () => rig, ok, deploy, present };
}

describe("what stays of the releases with keep: 1", () => {
  const { rig, ok, deploy, present } = keepsOne();

  before(async () => {
    const build = join(rig().dir, "v1");
    await cp(await rig().useSample("gunicorn", { release: "v1" }), build, { recursive: true });
    await cp("/bin/dash", join(build, "tool"));
    await rig().configure({ build: { path: build } });
    await ok("deploy", "--tag", "v1");
    await deploy("v2");
  });

  test("what a rollback would take stays beside current", async () => {
    assert.deepEqual(await present(), ["v1", "v2"]);
  });

  const inV1 = (path = "") => join(rig().deployTo, "releases/v1", path);
  /** Waits for what nobody will ever write. */
  const WAIT = 'mkfifo "$1"; exec 3<>"$1"; echo 1; read nothing <&3';
  const MAP = `import mmap, sys, time; f = open(sys.argv[1]); m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ); f.close(); print(1, flush=True); time.sleep(600)`;
  /** Each needs v1 in a way of its own. */
  const OCCUPANTS: [as: string, start: () => Promise<Child>][] = [
    ["works in", () => startChild(["/bin/sh", "-c", "echo 1; exec sleep 600"], { cwd: inV1() })],
    ["executes", () => startChild([inV1("tool"), "-c", WAIT, "tool", join(rig().dir, "fifo")])],
    ["maps", () => startChild(["/usr/bin/python3", "-c", MAP, inV1("app.py")])],
  ];

  for (const [index, [as, start]] of OCCUPANTS.entries()) {
    test(`a release that a process ${as} stays, and the deploy says who that is`, async () => {
      const occupant = await start();
      try {
        const said = await deploy(`v3-${index}`);
        assert.match(said, new RegExp(`local: v1 stays: pid ${occupant.pid} \\(\\w+\\) ${as} it`));
        assert.ok((await present()).includes("v1"));
      } finally {
        await occupant.end();
      }
    });
  }

  test("it goes with the next deploy after they have left", async () => {
    assert.doesNotMatch(await deploy("v3"), /stays/);
    await deploy("v4");
    assert.deepEqual(await present(), ["v3", "v4"]);
  });

  test("a release that failed goes with the next deploy that works, and takes nobody's place", async () => {
    await rig().useSample("gunicorn", { release: "v5", variant: "crash-in-check" });
    assert.notEqual((await rig().zdr(["deploy", "--tag", "v5"])).code, 0);
    assert.deepEqual(await present(), ["v3", "v4", "v5"]);
    await deploy("v6");
    assert.deepEqual(await present(), ["v4", "v6"]);
  });

  test("what an upload left that was never finished goes with the next deploy", async () => {
    const abandoned = join(rig().deployTo, ".zdr/incoming/0123456789abcdef");
    await mkdir(abandoned, { recursive: true });
    await writeFile(join(abandoned, "half"), "a file");
    await deploy("v7");
    assert.deepEqual(await readdir(join(rig().deployTo, ".zdr/incoming")), []);
  });

  test("a folder that zdr did not put there is left alone", async () => {
    await mkdir(join(rig().deployTo, "releases/by-hand"));
    await deploy("v8");
    assert.deepEqual(await present(), ["by-hand", "v7", "v8"]);
  });

  test("a release that was just rolled back from stays, so that one can look at it and go forward to it again", async () => {
    await ok("rollback");
    assert.deepEqual(await present(), ["by-hand", "v7", "v8"]);
  });

  test("it goes when another one has proved itself", async () => {
    await deploy("v9");
    assert.deepEqual(await present(), ["by-hand", "v7", "v9"]);
  });
});

describe("a release that can not be removed", () => {
  const { rig, ok, deploy, present } = keepsOne({ user: "nobody", supervisord: { user: "nobody" } });

  test("is a warning that names it, and the deploy has worked", async () => {
    await deploy("v1");
    await chown(join(rig().deployTo, "releases/v1"), 0, 0);
    await deploy("v2");
    const said = await deploy("v3");
    assert.match(said, /zdr: warning: local: v1 could not be removed: user nobody may not remove \S+\/releases\/v1/);
    assert.deepEqual(await present(), ["v1", "v2", "v3"]);
    await ok("rollback");
  });
});
