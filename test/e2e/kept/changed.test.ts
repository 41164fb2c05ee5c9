/** deploy.yml gives a kept program another argv or environment: a socket program takes it without a rest, the others by a restart. */
import assert from "node:assert/strict";
import { chmod, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { textAt } from "../../support/load/ask.ts";
import { failuresOf, reportIn } from "../../support/load/deploy-series.ts";
import { startLoad } from "../../support/load/load.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { type SampleName, sampleProgram } from "../../support/samples.ts";

const HASTE = { watch: 0, start_seconds: 1 };

interface Deployed {
  readonly rig: Rig;
  readonly url: string;
  /** Other keys of the program in deploy.yml. */
  configure(more: Record<string, unknown>): Promise<void>;
  /** Of the process that answers. */
  environment(): Promise<string[]>;
}

/** A program of release v1 that was started with COLOUR=red. */
async function deployed(t: Parameters<typeof startRig>[0], sample: SampleName): Promise<Deployed> {
  const rig = await startRig(t);
  const { port, url } = await rig.addSample(sample, { ...HASTE, environment: { COLOUR: "red" } }, { timeout: "6s" });
  const configure = (more: Record<string, unknown>) => {
    const { health, ...program } = sampleProgram(sample, port);
    const shop = {
      ...program,
      ...HASTE,
      environment: { COLOUR: "red" },
      health: { ...health, timeout: "6s" },
      ...more,
    };
    return rig.configure({ programs: { shop } });
  };
  await rig.useSample(sample, { release: "v1" });
  await ok(rig, "setup");
  await ok(rig, "deploy", "--tag", "one");
  const environment = async () => {
    const spec = JSON.parse(await readFile(join(rig.deployTo, "run/shop/keeper.json"), "utf8"));
    const pid = spec.generations.at(-1).pid;
    return (await readFile(`/proc/${pid}/environ`, "latin1")).split("\0");
  };
  return { rig, url, configure, environment };
}

async function ok(rig: Rig, ...args: string[]) {
  const result = await rig.zdr(args);
  assert.equal(result.code, 0, `zdr ${args.join(" ")}\n${result.stdout}${result.stderr}`);
  return result;
}

const versionAt = (url: string) => textAt(`${url}/version`);

for (const sample of ["go-grace", "go-graceful-url"] as const) {
  test(`${sample}: a changed environment is refused before anything is changed, and a restart takes it`, async (t) => {
    const { rig, url, configure, environment } = await deployed(t, sample);
    await configure({ environment: { COLOUR: "blue", SIZE: "7" } });
    await rig.useSample(sample, { release: "v2" });
    for (const args of [["deploy", "--tag", "two"], ["reload"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 5, stderr);
      assert.match(stderr, /what only a restart changes: COLOUR in environment, SIZE in environment/);
      assert.match(stderr, /zdr restart shop/);
      assert.doesNotMatch(stderr, /blue/);
    }
    assert.equal(await versionAt(url), "v1");
    assert.ok((await environment()).includes("COLOUR=red"));

    await ok(rig, "restart");
    assert.ok((await environment()).includes("COLOUR=blue"));
    assert.equal(await versionAt(url), "v1");
    await ok(rig, "deploy", "--tag", "two");
    assert.equal(await versionAt(url), "v2");
    assert.ok((await environment()).includes("COLOUR=blue"));
  });
}

test("what the release that runs can not start with comes by a stop and a deploy", async (t) => {
  const { rig, url, configure, environment } = await deployed(t, "go-grace");
  await configure({ environment: { COLOUR: "blue" } });
  await rig.useSample("go-grace", { release: "v2" });
  await ok(rig, "stop");
  await ok(rig, "deploy", "--tag", "two");
  assert.equal(await versionAt(url), "v2");
  assert.ok((await environment()).includes("COLOUR=blue"));
});

test("a program that takes its sockets gets a changed environment with the next generation, and no request fails", async (t) => {
  const { rig, url, configure, environment } = await deployed(t, "go-listenfds");
  const pid = (await rig.supervisord.ctl(["pid", "shop"])).stdout;
  const load = await startLoad({
    ...{ url: `${url}/version`, keepAliveConnections: 2 },
    ...{ freshPerSecond: 50, ratePerSecond: 50 },
  });
  t.after(() => load.stop().catch(() => {}));
  await configure({ environment: { COLOUR: "blue" } });
  // The very release that serves already.
  const planned = await rig.zdr(["plan", "--tag", "one"]);
  assert.equal(planned.code, 10, planned.stderr);
  assert.match(planned.stdout, /shop: reload: .*; it takes in what deploy\.yml has changed: COLOUR in environment \(/);
  assert.doesNotMatch(planned.stdout, /nothing to do|blue/);
  const { stdout, stderr } = await ok(rig, "deploy", "--tag", "one", "--json");
  assert.deepEqual([reportIn(stdout, stderr).action, await versionAt(url)], ["reload", "v1"]);
  assert.ok((await environment()).includes("COLOUR=blue"));
  assert.deepEqual(failuresOf(await load.stop()), []);
  assert.equal((await rig.supervisord.ctl(["pid", "shop"])).stdout, pid);
  assert.match((await ok(rig, "plan", "--tag", "one")).stdout, /nothing to do: one serves everywhere/);
  const again = await ok(rig, "deploy", "--tag", "one", "--json");
  assert.equal(reportIn(again.stdout, again.stderr).action, "none");
});

test("a release that fails with a changed environment leaves the old one with its own", async (t) => {
  const { rig, url, configure, environment } = await deployed(t, "go-listenfds");
  const specFile = join(rig.deployTo, "run/shop.json");
  const before = await readFile(specFile, "utf8");
  await configure({ environment: { COLOUR: "blue" } });
  await rig.useSample("go-listenfds", { release: "v2", variant: "unhealthy" });
  const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "two"]);
  assert.equal(code, 7, `${stdout}${stderr}`);
  assert.equal(await readFile(specFile, "utf8"), before);
  assert.equal(await versionAt(url), "v1");
  assert.ok((await environment()).includes("COLOUR=red"));
});

test("other addresses to listen on are refused, since the keeper has opened its sockets", async (t) => {
  const { rig, url, configure } = await deployed(t, "go-listenfds");
  await configure({ listen: "127.0.0.1:1" });
  await rig.useSample("go-listenfds", { release: "v2" });
  const { code, stderr } = await rig.zdr(["deploy", "--tag", "two"]);
  assert.equal(code, 5, stderr);
  assert.match(stderr, /what only a restart changes: listen/);
  assert.equal(await versionAt(url), "v1");
});

test("what its keeper is told is not written anew where it says that already, nor on the way back, but with its mode where that is another", async (t) => {
  const { rig, url, configure } = await deployed(t, "go-grace");
  const path = join(rig.deployTo, "run/shop.json");
  const told = async () => {
    const { ino, mtimeMs, mode } = await stat(path);
    return { ino, mtimeMs, mode: mode & 0o777 };
  };
  const first = await told();
  await rig.useSample("go-grace", { release: "v2" });
  await ok(rig, "deploy", "--tag", "two");
  await rig.useSample("go-grace", { release: "v3", variant: "crash" });
  assert.equal((await rig.zdr(["deploy", "--tag", "three"])).code, 7);
  assert.equal(await versionAt(url), "v2");
  assert.deepEqual(await told(), first);

  await chmod(path, 0o666);
  await ok(rig, "restart");
  assert.equal((await told()).mode, first.mode);
  await configure({ environment: { COLOUR: "blue" } });
  await ok(rig, "restart");
  assert.match(await readFile(path, "utf8"), /blue/);
});
