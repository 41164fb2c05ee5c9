/**
 * What a program with several processes has to keep to, whatever it is written in and whoever opens its socket: a first
 * deploy, reloads under load, a request in flight, the words of supervisor, a stop and a start.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ProgramReport } from "../../../agent/wire/report.ts";
import type { RunResult } from "../processes.ts";
import { type ConfigParts, type Rig, startRig } from "../rig.ts";
import type { SampleName } from "../samples.ts";
import { deploySeries, failuresOf, reportIn } from "./deploy-series.ts";
import { ask, processesOf } from "./supervised.ts";

export interface MembersContract {
  readonly sample: SampleName;
  /** More keys for the program: `reload`, `members`, `listen`. */
  readonly program: ConfigParts;
  /** How many processes supervisor has of it, and how many of them run. */
  readonly members: number;
  readonly running: number;
  /** Default: 700, as in the stories of other programs. */
  readonly requestsPerSecond?: number;
}

const HASTE = { watch: 0, start_seconds: 1 };
const RELEASES = ["v2", "v3", "v1", "v2", "v3"];
const REQUESTS = 5_000;
const REQUESTS_PER_SECOND = 700;
/** Longer than it takes until the process that answers is told to stop. */
const SLOW_MS = 4_000;

type Members = NonNullable<ProgramReport["members"]>;

export function testMembers(contract: MembersContract): void {
  const { sample, program, members, running, requestsPerSecond = REQUESTS_PER_SECOND } = contract;
  describe(`${sample}, ${members} members`, () => {
    let rig: Rig;
    let url = "";
    const cleaning: (() => Promise<void>)[] = [];
    const names = Array.from({ length: members }, (_, index) => `shop:shop_0${index}`);

    async function ok(...args: string[]): Promise<RunResult> {
      const result = await rig.zdr(args);
      assert.equal(result.code, 0, `zdr ${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result;
    }
    const version = async () => (await ask(`${url}/version`)).release;
    const deploy = async (tag: string) => {
      const { stdout, stderr } = await ok("deploy", "--tag", tag, "--json");
      return reportIn(stdout, stderr);
    };
    const states = async () =>
      (await rig.supervisord.ctl(["status", "shop:*"])).stdout
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/)[1]);
    const runningCount = async () => (await states()).filter((state) => state === "RUNNING").length;

    before(async () => {
      rig = await startRig({ after: (clean) => cleaning.push(clean) });
      ({ url } = await rig.addSample(sample, { ...HASTE, ...program }, { timeout: "10s" }));
      await rig.useSample(sample, { release: "v1" });
      await ok("setup");
      assert.equal((await deploy("first")).action, "start");
    });
    after(async () => {
      for (const clean of cleaning.reverse()) await clean();
    });

    test("supervisor has them all, and setup finds nothing more to do", async () => {
      assert.equal((await states()).length, members);
      assert.equal(await runningCount(), running);
      assert.match((await ok("setup")).stdout, /all is in order|supervisor has shop/);
    });

    test("one reload after the other, not one request fails", async () => {
      const { load, deploys } = await deploySeries(rig, {
        ...{ sample, url, releases: RELEASES, requests: REQUESTS, requestsPerSecond },
      });
      assert.deepEqual(failuresOf(load), []);
      assert.ok(load.sent >= REQUESTS, `only ${load.sent} were sent`);
      for (const { release, after: sent, report } of deploys) {
        assert.deepEqual(new Set(sent.map((request) => request.release)), new Set([release]));
        assert.deepEqual([report.action, report.proof], ["reload", "processes"]);
        assertRenewed(report.members ?? assert.fail("no members were reported"), running);
      }
      assert.equal(await runningCount(), running);
    });

    test("the same release once more is nothing to do, and zdr reload renews the processes all the same", async () => {
      assert.equal((await deploy("v3-5")).action, "none");
      const pids = (await rig.supervisord.ctl(["pid", ...names])).stdout;
      await ok("reload");
      assert.notEqual((await rig.supervisord.ctl(["pid", ...names])).stdout, pids);
      assert.deepEqual([await runningCount(), await version()], [running, "v3"]);
    });

    test("a request in flight is answered by the release that it began on", async () => {
      await rig.useSample(sample, { release: "v2" });
      const old = await version();
      const slow = Promise.all([1, 2, 3, 4].map(() => ask(`${url}/slow?ms=${SLOW_MS}`)));
      await deploy("in-flight");
      for (const { status, release } of await slow) assert.deepEqual([status, release], [200, old]);
      assert.equal(await version(), "v2");
    });

    test("status prints what supervisorctl prints, of all and of one, and says which release each runs", async () => {
      for (const args of [["shop:*"], [names[0] ?? ""]]) {
        const [theirs, ours] = await Promise.all([
          rig.supervisord.ctl(["status", ...args]),
          rig.zdr(["status", ...args]),
        ]);
        const masked = (text: string) => text.replace(/uptime [\d:]+/g, "uptime");
        assert.deepEqual([ours.code, masked(ours.stdout)], [theirs.code, masked(theirs.stdout)]);
      }
      const { stdout } = await rig.zdr(["status", "--releases"]);
      assert.equal([...stdout.matchAll(/, release in-flight$/gm)].length, running);
    });

    test("all are stopped and leave no process, and are started again", async () => {
      await ok("stop");
      assert.deepEqual(await processesOf(rig.deployTo), []);
      await ok("start");
      assert.deepEqual([await runningCount(), await version()], [running, "v2"]);
      await ok("restart");
      assert.deepEqual([await runningCount(), await version()], [running, "v2"]);
    });

    test("one of them is stopped and started by its own name", async () => {
      const [name = ""] = names;
      await ok("stop", name);
      assert.equal((await states())[0], "STOPPED");
      await ok("start", name);
      assert.equal((await states())[0], "RUNNING");
      const { code, stderr } = await rig.zdr(["restart", "shop:shop_77"]);
      assert.equal(code, 5, stderr);
    });

    test("with all of them running, as after a boot, a deploy renews each", async () => {
      await rig.supervisord.ctl(["start", "shop:*"]);
      await rig.useSample(sample, { release: "v1" });
      const report = await deploy("after-boot");
      assertRenewed(report.members ?? assert.fail("no members were reported"), members);
      assert.deepEqual([await runningCount(), await version()], [members, "v1"]);
    });
  });
}

/** As many run as before, and none of the processes of then. */
function assertRenewed({ before: old, after: now }: Members, count: number): void {
  assert.deepEqual([old.length, now.length], [count, count]);
  const pids = new Set(old.map(({ pid }) => pid));
  assert.deepEqual(
    now.filter(({ pid }) => pids.has(pid)),
    [],
  );
}
