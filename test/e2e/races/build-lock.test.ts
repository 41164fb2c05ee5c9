/** Several zdr in one checkout: each sends a build that nobody changed meanwhile, and nobody waits for one that is no more. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../../cli/core/config.ts";
import { runBuildCommand } from "../../../cli/io/build/build-command.ts";
import { lockBuild } from "../../../cli/io/build/build-lock.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/load/free-port.ts";
import { startRig } from "../../support/rig.ts";
import { buildSample, sampleProgram } from "../../support/samples.ts";
import { assertTold } from "../../support/wrong-world.ts";

/** Each run makes a build anew whose two halves say which run it was, and stays between them until it may go on. */
const BUILD = `#!/bin/sh
set -e
echo "begin $$" >> journal
rm -rf build; cp -r "$1" build
echo $$ > build/first
echo "half $$" >> journal
until [ -e go ]; do sleep 0.05; done
echo $$ > build/second
echo "end $$" >> journal
`;
const SLOW_MS = 120_000;

interface Cleanup {
  after(clean: () => Promise<void>): void;
}

/** A folder with a deploy.yml and two environments, each with a program of its own. */
async function startCheckout(context: Cleanup) {
  const rig = await startRig({ after: (clean) => context.after(clean) });
  const cache = join(rig.dir, "cache");
  await mkdir(cache);
  const sample = await buildSample("node-plain", { release: "v1" });
  await writeFile(join(rig.project, "make.sh"), BUILD, { mode: 0o755 });
  await rig.configure({ build: { run: `./make.sh ${sample}`, path: "build" } });
  const environments = { a: join(rig.dir, "web-a"), b: join(rig.dir, "web-b") };
  for (const [name, deployTo] of Object.entries(environments)) {
    await mkdir(deployTo);
    const programs = { [`shop-${name}`]: { ...sampleProgram("node-plain", await freePort()), watch: 0 } };
    await writeFile(join(rig.project, `deploy.${name}.yml`), JSON.stringify({ deploy_to: deployTo, programs }));
  }
  const options = { env: { XDG_CACHE_HOME: cache }, timeoutMs: SLOW_MS };
  const journal = async () => (await readFile(join(rig.project, "journal"), "utf8").catch(() => "")).split("\n");
  return {
    ...{ rig, environments, cache, journal },
    zdr: (...args: string[]) => rig.zdr(args, options),
    start: (...args: string[]) => rig.startZdr(args, options),
    hasBegun: (count: number) => async () =>
      (await journal()).filter((line) => line.startsWith("begin")).length === count,
    go: () => writeFile(join(rig.project, "go"), ""),
  };
}

const WAITS = /waits for another zdr that has the build: deploy v1 \(pid \d+, since 20\S+ \S+Z\), up to 15 min/;

describe("two zdr in one checkout", () => {
  test("that deploy to two environments build one after the other, and each sends what it has built", async (context) => {
    const { environments, zdr, start, hasBegun, journal, go } = await startCheckout(context);
    for (const name of Object.keys(environments)) {
      const { code, stderr } = await zdr("setup", "-e", name);
      assert.equal(code, 0, stderr);
    }
    const first = start("deploy", "-e", "a", "--tag", "v1");
    await eventually(hasBegun(1), { name: "the first one builds", timeoutMs: SLOW_MS });
    const second = start("deploy", "-e", "b", "--tag", "v2");
    await eventually(() => WAITS.test(second.said().stderr), { name: "the second one waits", timeoutMs: SLOW_MS });
    await go();
    for (const { done } of [first, second]) {
      const { code, stderr } = await done;
      assert.equal(code, 0, stderr);
    }
    assert.deepEqual(
      (await journal()).map((line) => line.split(" ")[0]),
      ["begin", "half", "end", "begin", "half", "end", ""],
    );
    for (const web of Object.values(environments)) {
      const halves = ["first", "second"].map((name) => readFile(join(web, "current", name), "utf8"));
      const [one, other] = await Promise.all(halves);
      assert.equal(one, other, "both halves are of one build");
    }
  });

  test("one that is killed as it builds keeps nobody waiting", async (context) => {
    const { start, zdr, journal, hasBegun, go } = await startCheckout(context);
    for (const name of ["a", "b"]) assert.equal((await zdr("setup", "-e", name)).code, 0);
    const first = start("deploy", "-e", "a", "--tag", "v1");
    await eventually(hasBegun(1), { name: "the first one builds", timeoutMs: SLOW_MS });
    const second = start("deploy", "-e", "b", "--tag", "v2");
    await eventually(() => WAITS.test(second.said().stderr), { name: "the second one waits", timeoutMs: SLOW_MS });
    const half = await eventually(async () => /^half (\d+)$/m.exec((await journal()).join("\n"))?.[1], {
      name: "half a build",
      timeoutMs: SLOW_MS,
    });
    first.kill("SIGKILL");
    // What it had begun goes on by itself.
    process.kill(Number(half), "SIGKILL");
    await eventually(hasBegun(2), { name: "the second one builds", timeoutMs: SLOW_MS });
    await go();
    const { code, stderr } = await second.done;
    assert.equal(code, 0, stderr);
  });

  test("who only sends a build waits for who builds it, and leaves at Ctrl-C with nothing done", async (context) => {
    const { start, zdr, hasBegun, environments } = await startCheckout(context);
    assert.equal((await zdr("setup", "-e", "a")).code, 0);
    const first = start("deploy", "-e", "a", "--tag", "v1");
    await eventually(hasBegun(1), { name: "the first one builds", timeoutMs: SLOW_MS });
    const second = start("deploy", "-e", "b", "--tag", "v2", "--no-build");
    await eventually(() => WAITS.test(second.said().stderr), { name: "the second one waits", timeoutMs: SLOW_MS });
    second.kill("SIGINT");
    assertTold(await second.done, { exit: 130, error: /interrupted/, state: /no host was touched/ });
    assert.deepEqual(await readdir(environments.b), []);
    first.kill("SIGTERM");
    await first.done;
  });
});

describe("a build that is interrupted", () => {
  test("is over when all that it has started has ended, so that nobody builds over what is left of it", async (context) => {
    const { rig, zdr: run, start, journal } = await startCheckout(context);
    assert.equal((await run("setup", "-e", "a")).code, 0);
    // The step that is under way does not hear TERM, as one that flushes what it has; its shell does.
    const step = `sh -c 'trap "" TERM; echo begin >>journal; sleep 1; echo step >>journal'; true`;
    await rig.configure({ build: { run: step, path: "build" } });
    const zdr = start("deploy", "-e", "a", "--tag", "v1");
    await eventually(async () => (await journal()).includes("begin"), { name: "the step", timeoutMs: SLOW_MS });
    zdr.kill("SIGTERM");
    assertTold(await zdr.done, { exit: 143, error: /interrupted/, state: /no host was touched/ });
    assert.deepEqual(await journal(), ["begin", "step", ""]);
  });

  test("as its lock was taken is not begun at all", async (context) => {
    const { rig } = await startCheckout(context);
    const config = { build: { run: "echo began >>journal", path: "build" }, folder: rig.project };
    const stop = AbortSignal.abort("SIGINT");
    await assert.rejects(runBuildCommand(config as unknown as Config, { stop, isWatched: false, env: {} }));
    await assert.rejects(readFile(join(rig.project, "journal")), { code: "ENOENT" });
  });
});

describe("the lock of a build", () => {
  test("is shared once all is built: a hook may send it with a zdr of its own, and nobody builds there yet", async (context) => {
    const { cache, rig } = await startCheckout(context);
    const wish = {
      ...{ cacheFolder: join(cache, "zdr"), build: join(rig.project, "build"), waitMs: 50 },
      ...{ stop: new AbortController().signal, onWait: () => {} },
      holder: { pid: 1, why: "deploy v1", since: "then" },
    };
    const first = await lockBuild({ ...wish, use: "build" });
    await assert.rejects(lockBuild({ ...wish, use: "read" }), {
      failure: { kind: "build-held", path: wish.build, holder: wish.holder, waitedMs: 50 },
    });
    await first.share();
    (await lockBuild({ ...wish, use: "read" })).release();
    await assert.rejects(lockBuild({ ...wish, use: "build" }), {
      failure: { kind: "build-held", path: wish.build, holder: wish.holder, waitedMs: 50 },
    });
    first.release();
    (await lockBuild({ ...wish, use: "build" })).release();
  });

  test("is one builder's alone, whatever crowd wants it, and shared by those who read", async (context) => {
    const { cache, rig } = await startCheckout(context);
    // Long enough that a socket there needs a way round.
    const cacheFolder = join(cache, "x".repeat(90), "zdr");
    await mkdir(join(cache, "x".repeat(90)));
    const inside = { build: 0, read: 0 };
    let readTogether = 0;
    const stop = new AbortController();
    const use = async (use: "build" | "read", at: number) => {
      const lock = await lockBuild({
        ...{
          cacheFolder,
          build: join(rig.project, "build"),
          use,
          waitMs: SLOW_MS,
          stop: stop.signal,
          onWait: () => {},
        },
        holder: { pid: at, why: "crowd", since: "now" },
      });
      assert.equal(lock.trouble, undefined);
      inside[use]++;
      readTogether = Math.max(readTogether, inside.read);
      assert.ok(inside.build === 0 || (inside.build === 1 && inside.read === 0), JSON.stringify(inside));
      await sleep(2);
      inside[use]--;
      lock.release();
    };
    const crowd = Array.from({ length: 60 }, (_, at) => use(at % 3 === 0 ? "build" : "read", at));
    await Promise.all(crowd);
    assert.ok(readTogether > 1, "some have read together");
    const left = await readdir(join(cacheFolder, "locks"));
    assert.equal(left.length, 1, `one dead socket is left: ${left.join(" ")}`);
  });

  test("is waited for no longer than was said, and who has it is told", async (context) => {
    const { cache, rig } = await startCheckout(context);
    const wish = {
      ...{ cacheFolder: join(cache, "zdr"), build: join(rig.project, "build"), use: "build" as const, waitMs: 50 },
      ...{ stop: new AbortController().signal, onWait: () => {} },
      holder: { pid: 1, why: "deploy v1", since: "then" },
    };
    const lock = await lockBuild(wish);
    await assert.rejects(lockBuild({ ...wish, holder: { ...wish.holder, pid: 2 } }), {
      failure: { kind: "build-held", path: wish.build, holder: wish.holder, waitedMs: 50 },
    });
    lock.release();
    (await lockBuild(wish)).release();
  });

  test("stays the same while a build is put in place by a link, and by whichever way its folder is named", async (context) => {
    const { cache, rig } = await startCheckout(context);
    for (const name of ["dist-1", "dist-2"]) await mkdir(join(rig.project, name));
    const build = join(rig.project, "dist");
    await symlink("dist-1", build);
    await symlink(rig.project, join(rig.dir, "checkout"));
    const wish = {
      ...{ cacheFolder: join(cache, "zdr"), build, use: "build" as const, waitMs: 50 },
      ...{ stop: new AbortController().signal, onWait: () => {} },
      holder: { pid: 1, why: "deploy v1", since: "then" },
    };
    const lock = await lockBuild(wish);
    await unlink(build);
    await symlink("dist-2", build);
    for (const named of [build, join(rig.dir, "checkout/dist")]) {
      await assert.rejects(lockBuild({ ...wish, build: named }), {
        failure: { kind: "build-held", path: named, holder: wish.holder, waitedMs: 50 },
      });
    }
    lock.release();
  });

  test("that can not be made is done without, and why is said", async (context) => {
    const { rig, zdr, go } = await startCheckout(context);
    assert.equal((await zdr("setup", "-e", "a")).code, 0);
    await go();
    const env = { XDG_CACHE_HOME: join(rig.dir, "nowhere/cache") };
    const { stderr } = await rig.zdr(["plan", "-e", "a", "--tag", "v1"], { env });
    assert.match(stderr, /warning: the build is not locked, so no other zdr may build there now: ENOENT/);
  });
});
