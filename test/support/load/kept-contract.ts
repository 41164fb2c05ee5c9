/**
 * What a program under the keeper has to keep to, whatever its library: the same story for every one of them. A host, a
 * first deploy, reloads under load, a request in flight, a release that crashes, a stop.
 */
import assert from "node:assert/strict";
import { readdir, readFile, readlink } from "node:fs/promises";
import { get } from "node:http";
import { after, before, describe, test } from "node:test";
import { eventually } from "../eventually.ts";
import type { RunResult } from "../processes.ts";
import { type Rig, startRig } from "../rig.ts";
import type { SampleName } from "../samples.ts";
import { deploySeries, failuresOf, reportIn } from "./deploy-series.ts";
import { startLoad } from "./load.ts";

export interface KeptContract {
  readonly sample: SampleName;
  /** What stands in the output when the reload begins. */
  readonly asks: string;
  /** `keeps`: a release that crashes costs no request; `gap`: the library has let go of the old one by then. */
  readonly crash: "keeps" | "gap";
  /** Whether the library hears of the next reload after one that failed. */
  readonly isDeafAfterCrash?: boolean;
}

const HASTE = { watch: 0, start_seconds: 1 };
const RELEASES = ["v2", "v3", "v1"];
const REQUESTS = 2_500;
const SLOW_MS = 3_000;

export function testKept(contract: KeptContract): void {
  const { sample, asks, crash, isDeafAfterCrash = false } = contract;
  describe(`${sample}, kept`, () => {
    let rig: Rig;
    let url = "";
    let keeper = 0;
    const cleaning: (() => Promise<void>)[] = [];

    async function ok(...args: string[]): Promise<RunResult> {
      const result = await rig.zdr(args);
      assert.equal(result.code, 0, `zdr ${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result;
    }
    const version = async () => (await ask(`${url}/version`)).release;

    before(async () => {
      rig = await startRig({ after: (clean) => cleaning.push(clean) });
      ({ url } = await rig.addSample(sample, HASTE, { timeout: "8s" }));
      await rig.useSample(sample, { release: "v1" });
      await ok("setup");
      await ok("deploy", "--tag", "first");
      keeper = await supervisedPid(rig);
    });
    after(async () => {
      for (const clean of cleaning.reverse()) await clean();
    });

    test("setup finds nothing more to do", async () => {
      const { stdout } = await ok("setup");
      assert.match(stdout, /all is in order|supervisor has shop/);
    });

    test("one reload after the other, not one request fails, and supervisor holds the same pid", async () => {
      const { load, deploys } = await deploySeries(rig, { sample, url, releases: RELEASES, requests: REQUESTS });
      assert.deepEqual(failuresOf(load), []);
      assert.ok(load.sent >= REQUESTS, `only ${load.sent} were sent`);
      for (const { release, after: sent, report } of deploys) {
        assert.deepEqual(new Set(sent.map((request) => request.release)), new Set([release]));
        assert.deepEqual([report.action, report.proof], ["reload", "processes"]);
        assert.deepEqual([report.before.pid, report.after.pid], [keeper, keeper]);
      }
      assert.equal(await supervisedPid(rig), keeper);
    });

    test("a request in flight is answered by the release that it began on", async () => {
      await rig.useSample(sample, { release: "v2" });
      const old = await version();
      const slow = ask(`${url}/slow?ms=${SLOW_MS}`);
      const zdr = rig.startZdr(["deploy", "--tag", "in-flight"]);
      await eventually(() => zdr.said().stderr.includes(asks), { name: asks });
      const { code, stdout, stderr } = await zdr.done;
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.deepEqual(await slow, { status: 200, release: old });
      assert.deepEqual([await version(), await supervisedPid(rig)], ["v2", keeper]);
    });

    test("a release that crashes as it starts is reverted", async () => {
      await rig.useSample(sample, { release: "v3", variant: "crash" });
      const load = await startLoad({
        ...{ url: `${url}/version`, keepAliveConnections: 4 },
        ...{ freshPerSecond: 150, ratePerSecond: 150 },
      });
      const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "crash"]).finally(() => load.reached(100));
      const result = await load.stop();
      assert.equal(code, 7, `${stdout}${stderr}`);
      assert.equal(await version(), "v2");
      assert.equal(await readlink(`${rig.deployTo}/current`), "releases/in-flight");
      if (crash === "gap") return;
      assert.deepEqual(failuresOf(result), []);
      assert.equal(await supervisedPid(rig), keeper);
    });

    test("the next release is taken", async () => {
      await rig.useSample(sample, { release: "v3" });
      if (isDeafAfterCrash) {
        const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", "deaf"]);
        assert.equal(code, 7, `${stdout}${stderr}`);
        assert.match(`${stdout}${stderr}`, /zdr restart shop/);
        await ok("restart");
      }
      const { stdout, stderr } = await ok("deploy", "--tag", "next", "--json");
      assert.deepEqual([reportIn(stdout, stderr).action, await version()], ["reload", "v3"]);
    });

    test("a stop leaves no process, and a start brings it back", async () => {
      await ok("stop");
      assert.deepEqual(await processesOf(rig.deployTo), []);
      await ok("start");
      assert.equal(await version(), "v3");
      await ok("stop");
    });
  });
}

export async function supervisedPid(rig: Rig): Promise<number> {
  return Number((await rig.supervisord.ctl(["pid", "shop"])).stdout);
}

/** Pids of living processes whose environment names the folder: whatever was started for it. */
export async function processesOf(deployTo: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    if (environment.includes(`ZDR_CURRENT=${deployTo}/current`)) found.push(pid);
  }
  return found;
}

/** One request on a connection of its own. */
export function ask(url: string): Promise<{ status: number | undefined; release: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      const release = String(response.headers["x-release"]);
      response.on("error", reject).on("end", () => resolve({ status: response.statusCode, release }));
      response.resume();
    });
    request.on("error", reject);
  });
}
