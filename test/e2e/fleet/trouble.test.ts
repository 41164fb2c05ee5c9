/**
 * One of five hosts is in trouble, in every way and at every moment: how the command exits, what it says of each host, and what serves.
 * A host that died comes back on its disk, and the same command then does what is missing.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { type FleetRig, fleetProgram, startFleet } from "../../support/fixtures/fleet.ts";
import type { RunResult } from "../../support/processes.ts";
import { buildSample } from "../../support/samples.ts";

const HOSTS = ["web1", "web2", "web3", "web4", "web5"];
const LARGE_BYTES = 64 * 1024 * 1024;
/** A dead host is tried for some 20 s before it is given up. */
const PATIENCE = { timeoutMs: 180_000 };
const STOP = { batch: [1, "100%"], on_failure: "stop" };
const REVERT_ALL = { batch: [1, "100%"], on_failure: "revert-all" };

let fleet: FleetRig;
let count = 0;
/** What is deployed in a test, and what served before it. */
let tag: string;
let old: string;
const cleanUps: (() => Promise<void>)[] = [];
before(async () => {
  fleet = await startFleet((clean) => void cleanUps.push(clean), { count: HOSTS.length });
  const { code, stderr } = await fleet.zdr(["setup"]);
  assert.equal(code, 0, stderr);
  await deployed("v0");
});
after(async () => {
  for (const clean of cleanUps.reverse()) await clean();
});

/** A release is deployed more than once, and never changes. */
const builds = new Map<string, string>();

async function build(release: string, isLarge = false): Promise<string> {
  const path = await buildSample("go-overseer", { release, variant: "broken-here" });
  if (!isLarge) return path;
  const folder = join(fleet.dir, `large-${release}`);
  await mkdir(folder);
  await cp(path, folder, { recursive: true });
  await writeFile(join(folder, "large"), randomBytes(LARGE_BYTES));
  return folder;
}

async function configure(release: string, parts: { rollout?: object; watch?: string; large?: boolean } = {}) {
  const path = builds.get(release) ?? (await build(release, parts.large));
  builds.set(release, path);
  const programs = { shop: { ...fleetProgram(), watch: parts.watch ?? "0s" } };
  await fleet.configure({ build: { path }, rollout: parts.rollout, programs, keep: 2 });
}

async function deployed(release: string): Promise<void> {
  await configure(release, { rollout: { batch: ["100%"] } });
  const { code, stderr } = await fleet.zdr(["deploy", "--tag", release], PATIENCE);
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    await answers(),
    HOSTS.map(() => release),
  );
}

const answers = () => Promise.all(fleet.hosts.map((host) => host.ask("/version")));
const allBut = (name: string, release: string, its?: string) => HOSTS.map((host) => (host === name ? its : release));
const stateIn = ({ stderr }: RunResult) => /^zdr: state: (.*)$/m.exec(stderr)?.[1] ?? stderr;

/** A deploy in which the power of a host goes once this has been said. */
async function deployAndKill(name: string, said: RegExp, parts: Parameters<typeof configure>[1], args: string[] = []) {
  await configure(tag, parts);
  const zdr = fleet.startZdr(["deploy", "--tag", tag, ...args]);
  await eventually(() => said.test(zdr.said().stderr), { name: String(said), timeoutMs: PATIENCE.timeoutMs });
  await fleet.kill(name);
  return zdr.done;
}

describe("of five hosts one", { concurrency: 1 }, () => {
  beforeEach(() => {
    old = `v${count}`;
    tag = `v${++count}`;
  });
  /** Whatever was wrong is mended, and then the same release is where it belongs, everywhere. */
  afterEach(async () => {
    fleet.disguise(undefined);
    await fleet.revive();
    for (const host of fleet.hosts) await host.run(["rm", "-f", join(fleet.dir, "host", "unhealthy")]);
    await deployed(tag);
  });

  for (const rollout of [STOP, REVERT_ALL]) {
    describe(`with on_failure: ${rollout.on_failure},`, () => {
      test("is down before: exit 4, nothing is changed; with --skip-unreachable the others take the release", async () => {
        await fleet.kill("web2");
        await configure(tag, { rollout });
        const refused = await fleet.zdr(["deploy", "--tag", tag], PATIENCE);
        assert.equal(refused.code, 4, refused.stderr);
        assert.match(refused.stderr, /^zdr: error: web2: /m);
        assert.deepEqual(await answers(), allBut("web2", old));
        const passed = await fleet.zdr(["deploy", "--tag", tag, "--skip-unreachable"], PATIENCE);
        assert.equal(passed.code, 0, passed.stderr);
        assert.deepEqual(await answers(), allBut("web2", tag));
      });

      test("dies in its activation: the others are told of, and what it does is left to its disk", async () => {
        const result = await deployAndKill("web3", /web3: flip: /, { rollout, watch: "3s" });
        assert.equal(result.code, 8, result.stderr);
        assert.match(result.stderr, /web3: the connection was lost during activate.*connecting again/);
        assert.match(
          stateIn(result),
          new RegExp(`web3 was left to its agent, which keeps ${tag} or reverts by itself`),
        );
        const [others, words] = rollout === STOP ? [tag, "serve"] : [old, "serve"];
        assert.match(stateIn(result), new RegExp(`web1, web2, web4, web5 ${words} ${others}`));
        assert.deepEqual(await answers(), allBut("web3", others));
      });

      test("does not get healthy: it goes back, and so do the others where that is wanted", async () => {
        await writeFile(join(fleet.host("web4").files, "unhealthy"), `${tag}\n`);
        await configure(tag, { rollout });
        const result = await fleet.zdr(["deploy", "--tag", tag], PATIENCE);
        const isStop = rollout === STOP;
        assert.equal(result.code, isStop ? 8 : 7, result.stderr);
        assert.match(result.stderr, /^zdr: error: web4: .*not healthy/m);
        assert.deepEqual(await answers(), isStop ? allBut("web4", tag, old) : HOSTS.map(() => old));
      });

      test("dies while it is asked what is there: exit 4, and the others were not touched", async () => {
        const result = await deployAndKill("web2", /web2: survey\n/, { rollout });
        assert.equal(result.code, 4, result.stderr);
        assert.deepEqual(await answers(), allBut("web2", old));
      });

      test("dies while it is sent the release: exit 6, and nobody serves it", async () => {
        const result = await deployAndKill("web2", /web2: stage\n/, { rollout, large: true }, ["--parallel", "1"]);
        assert.ok(result.code === 6 || result.code === 4, `${result.code}: ${result.stderr}`);
        assert.match(stateIn(result), new RegExp(`web1, web3, web4, web5 hold ${tag} and still serve ${old}`));
        assert.deepEqual(await answers(), allBut("web2", old));
      });

      test("dies while it waits for its turn: the others keep the release, or go back, and the state line says so", async () => {
        const result = await deployAndKill("web5", /web1: flip: /, { rollout: { ...rollout, batch: 1 }, watch: "1s" });
        const [code, others, words] = rollout === STOP ? [8, tag, tag] : [7, old, `${old} again (reverted, verified)`];
        assert.equal(result.code, code, result.stderr);
        const state = `web1, web2, web3, web4 serve ${words}; web5 holds ${tag}, and served ${old} when last heard`;
        assert.ok(stateIn(result).includes(state), result.stderr);
        assert.deepEqual(await answers(), allBut("web5", others));
      });

      test("dies when it has taken the release: the deploy is done, with a warning", async () => {
        const result = await deployAndKill("web1", /web2: flip: /, { rollout: { ...rollout, batch: 1 }, watch: "1s" });
        assert.equal(result.code, 0, result.stderr);
        assert.match(result.stderr, /^zdr: warning: web1: /m);
        assert.deepEqual(await answers(), allBut("web1", tag));
      });

      test("has a full disk: exit 5 or 6 by when it shows, and nobody serves the release", async () => {
        const web4 = fleet.host("web4");
        const zdrFolder = join(fleet.dir, "host", "web");
        // Its own disk, on which there is room for nothing but what is there.
        const size = Number((await web4.run(["du", "-s", "--block-size=1", zdrFolder])).stdout.split("\t")[0]);
        const script = `cp -a ${zdrFolder} /tmp/kept.$$ && mount -t tmpfs -o size=${size + 4 * 1024 * 1024} none ${zdrFolder} && cp -a /tmp/kept.$$/. ${zdrFolder}/ && rm -r /tmp/kept.$$`;
        const mounted = await web4.run(["sh", "-ec", script]);
        assert.equal(mounted.code, 0, mounted.stderr);
        await configure(tag, { rollout });
        const result = await fleet.zdr(["deploy", "--tag", tag], PATIENCE);
        assert.equal((await web4.run(["umount", "-l", zdrFolder])).code, 0);
        assert.ok(result.code === 5 || result.code === 6, `${result.code}: ${result.stderr}`);
        assert.match(result.stderr, /^zdr: error: web4: .*(?:room|space|free)/m);
        assert.deepEqual(
          await answers(),
          HOSTS.map(() => old),
        );
      });

      test("shows another host key than the known one: exit 4, nothing is sent to it, nobody serves the release", async () => {
        fleet.disguise("web3");
        await configure(tag, { rollout });
        const result = await fleet.zdr(["deploy", "--tag", tag, "--skip-unreachable"], PATIENCE);
        assert.equal(result.code, 4, result.stderr);
        assert.match(result.stderr, /^zdr: error: web3: the host key of .* has changed/m);
        assert.deepEqual(
          await answers(),
          HOSTS.map(() => old),
        );
      });
    });
  }
});
