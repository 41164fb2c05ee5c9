/**
 * What a server product that reloads itself has to keep to under zdr and a real supervisord, whatever the product: a first
 * start, five releases in a row under load, a request in flight, releases that are bad in three ways, a stop. What bad
 * releases cost is the product's; it is counted and told.
 */
import assert from "node:assert/strict";
import { readlink } from "node:fs/promises";
import { after, before, describe, type TestContext, test } from "node:test";
import { eventually } from "../eventually.ts";
import type { RunResult } from "../processes.ts";
import { type ConfigParts, type Rig, startRig } from "../rig.ts";
import type { SampleName, Variant } from "../samples.ts";
import { deploySeries, failuresOf, reportIn } from "./deploy-series.ts";
import { startLoad } from "./load.ts";
import { ask, processesOf, supervisedPid } from "./supervised.ts";

export interface ProductContract {
  readonly sample: SampleName;
  /** What stands in the output when the reload begins. */
  readonly asks: string;
  /** `none`: not one request may fail; `some`: how many is the product's, and only told. */
  readonly lost: Readonly<Record<"crash" | "hang" | "late-crash", "none" | "some">>;
  /** The product's own `check:`, by which a release that crashes as it starts is found before the flip. */
  readonly check?: string;
}

const RELEASES = ["v2", "v3", "v1", "v2", "v3"];
const REQUESTS = 5_000;
const SLOW_MS = 3_000;
const BAD_LOAD = { keepAliveConnections: 8, freshPerSecond: 250, ratePerSecond: 250 };

export function testProduct({ sample, asks, lost, check }: ProductContract): void {
  describe(sample, () => {
    let rig: Rig;
    let url = "";
    let pid = 0;
    let deploys = 0;
    const cleaning: (() => Promise<void>)[] = [];

    async function ok(...args: string[]): Promise<RunResult> {
      const result = await rig.zdr(args);
      assert.equal(result.code, 0, `zdr ${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result;
    }
    const version = async () => (await ask(`${url}/version`)).release;
    const configure = (more: ConfigParts) =>
      rig.configure({ programs: { shop: { ...program, start_seconds: 1, ...more } } });
    let program: ConfigParts = {};

    before(async () => {
      rig = await startRig({ after: (clean) => cleaning.push(clean) });
      ({ url, program } = await rig.addSample(sample, {}, { timeout: "8s" }));
      await configure({ watch: 0 });
      await rig.useSample(sample, { release: "v1" });
      await ok("setup");
      await ok("deploy", "--tag", "first");
      pid = await supervisedPid(rig);
    });
    after(async () => {
      for (const clean of cleaning.reverse()) await clean();
    });

    test("setup finds nothing more to do", async () => {
      const { stdout } = await ok("setup");
      assert.match(stdout, /all is in order|supervisor has shop/);
    });

    test("one release after the other, not one request fails, and supervisor holds the same pid", async (t) => {
      const { load, deploys: done } = await deploySeries(rig, { sample, url, releases: RELEASES, requests: REQUESTS });
      assert.deepEqual(failuresOf(load), []);
      assert.ok(load.sent >= REQUESTS, `only ${load.sent} were sent`);
      for (const { release, after: sent, report } of done) {
        assert.deepEqual(new Set(sent.map((request) => request.release)), new Set([release]));
        assert.deepEqual([report.action, report.proof], ["reload", "processes"]);
        assert.deepEqual([report.before.pid, report.after.pid], [pid, pid]);
      }
      t.diagnostic(`${load.sent} requests, ${load.reconnects} reconnects, slowest ${Math.round(load.slowestMs)} ms`);
      assert.equal(await supervisedPid(rig), pid);
    });

    test("a request in flight is answered by the release that it began on", async () => {
      await rig.useSample(sample, { release: "v1" });
      const old = await version();
      const zdr = rig.startZdr(["deploy", "--tag", "in-flight"]);
      await eventually(() => zdr.said().stderr.includes("activate\n"), { name: "activate" });
      const slow = ask(`${url}/slow?ms=${SLOW_MS}`);
      await eventually(() => zdr.said().stderr.includes(asks), { name: asks });
      assert.deepEqual(await slow, { status: 200, release: old });
      const { code, stdout, stderr } = await zdr.done;
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.deepEqual([await version(), await supervisedPid(rig)], ["v1", pid]);
    });

    for (const variant of ["crash", "hang", "late-crash"] as const) {
      test(`a release in its ${variant} variant is reverted`, async (t) => {
        await configure({ watch: "6s" });
        await deployBad(t, variant, lost[variant]);
      });

      test(`after a ${variant}, the next release is taken`, async () => {
        await configure({ watch: 0 });
        const release = (await version()) === "v1" ? "v2" : "v1";
        await rig.useSample(sample, { release });
        const { stdout, stderr } = await ok("deploy", "--tag", `after-${variant}`, "--json");
        const { action, proof } = reportIn(stdout, stderr);
        assert.deepEqual([action, proof, await version()], ["reload", "processes", release]);
        pid = await supervisedPid(rig);
      });
    }

    if (check !== undefined) {
      test("with a check of its own, a release that can not be loaded costs nothing", async (t) => {
        await configure({ watch: 0, check });
        await deployBad(t, "crash", "none");
        assert.equal(await supervisedPid(rig), pid);
        await configure({ watch: 0 });
      });
    }

    test("a stop leaves no process, and a start brings it back", async () => {
      const release = await version();
      await ok("stop");
      assert.deepEqual(await processesOf(rig.deployTo), []);
      await ok("start");
      assert.equal(await version(), release);
      await ok("stop");
    });

    async function deployBad(t: TestContext, variant: Variant, losses: "none" | "some"): Promise<void> {
      const old = await version();
      const current = await readlink(`${rig.deployTo}/current`);
      await rig.useSample(sample, { release: "v3", variant });
      const load = await startLoad({ url: `${url}/version`, ...BAD_LOAD });
      const tag = `${variant}-${++deploys}`;
      const { code, stdout, stderr } = await rig.zdr(["deploy", "--tag", tag]).finally(() => load.reached(100));
      const result = await load.stop();
      t.diagnostic(`${variant}: ${result.failed} of ${result.sent} requests failed, exit ${code}`);
      assert.ok(code === 5 || code === 7, `exit ${code}\n${stdout}${stderr}`);
      assert.equal(await version(), old);
      assert.equal(await readlink(`${rig.deployTo}/current`), current);
      assert.match((await rig.supervisord.ctl(["status", "shop"])).stdout, /RUNNING/);
      if (losses === "none") assert.deepEqual(failuresOf(result), []);
    }
  });
}
