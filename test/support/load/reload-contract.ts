/**
 * What a reload has to keep to, whatever the program and its strategy: the same tests for every one of them, and a twin
 * that is restarted under the same load, so that the meters are known to be able to fail.
 */
import assert from "node:assert/strict";
import { get } from "node:http";
import { after, before, describe, test } from "node:test";
import { eventually } from "../eventually.ts";
import { type Rig, startRig } from "../rig.ts";
import type { SampleName } from "../samples.ts";
import { deploySeries, failuresOf, type Series } from "./deploy-series.ts";
import { monotonicMs } from "./load.ts";

export interface ReloadContract {
  readonly sample: SampleName;
  /** What stands in the output when the reload begins. */
  readonly asks: string;
  /** A program that does the same work and is stopped and started; absent: the same story has shown that already. */
  readonly twin?: { readonly sample: SampleName; readonly program?: Readonly<Record<string, unknown>> };
}

const DEPLOYS = 10;
const REQUESTS = 20_000;
const TWIN_DEPLOYS = 2;
/** Nothing is watched for longer than it takes to prove it, and supervisor believes in a start as soon as it can. */
const HASTE = { watch: 0, start_seconds: 1 };
/** Of the product's own meter, requests a second: a server that starts quickly is away for some 10 ms only. */
const METER_RATE = 500;
const SLOW_MS = 3_000;

/** Release names v1, v2, v3 in turn, from v2 on, so that no two in a row are the same and three builds do. */
const releasesInTurn = (count: number) => Array.from({ length: count }, (_, index) => `v${((index + 1) % 3) + 1}`);

export function testReloads({ sample, asks, twin }: ReloadContract): void {
  describe("ten deploys in a row, under load", () => {
    const story = startStory(sample, {}, DEPLOYS, REQUESTS);

    test(`not one of ${REQUESTS} requests fails, over fresh and kept-alive connections`, () => {
      const { load } = story.series;
      assert.ok(load.sent >= REQUESTS, `only ${load.sent} were sent`);
      for (const kind of ["fresh", "kept-alive"]) {
        const count = load.requests.filter((request) => request.kind === kind).length;
        assert.ok(count > REQUESTS / 10, `only ${count} were ${kind}`);
      }
      assert.deepEqual(failuresOf(load), []);
    });

    test("each request that is sent after the command has returned is answered by the new release", () => {
      for (const { release, after: sent } of story.series.deploys) {
        assert.deepEqual(new Set(sent.map(({ kind }) => kind)), new Set(["fresh", "kept-alive"]));
        assert.deepEqual(new Set(sent.map((request) => request.release)), new Set([release]));
      }
    });

    test("supervisor holds the same pid all the time", async () => {
      const { before: pid } = story;
      for (const { report } of story.series.deploys) {
        assert.deepEqual([report.before.pid, report.after.pid, report.action], [pid, pid, "reload"]);
      }
      assert.equal(await supervisedPid(story.rig), pid);
    });

    test("the report counts requests of its own during each reload, and none that failed", () => {
      for (const { report } of story.series.deploys) {
        const { baseline, during } = report.meter ?? assert.fail("nothing was measured");
        assert.ok(baseline.sent > 0 && during.sent > 0, JSON.stringify(report.meter));
        assert.deepEqual([baseline.failed, during.failed], [0, 0]);
        assert.equal(report.proof, "processes");
      }
    });

    test("requests in flight when the reload begins are answered by the old release", async () => {
      const { rig, url } = story;
      const old = (await ask(`${url}/version`)).release;
      const next = releasesInTurn(DEPLOYS + 1).at(-1) ?? "";
      await rig.useSample(sample, { release: next });
      const zdr = rig.startZdr(["deploy", "--tag", "in-flight"]);
      const said = (text: string) => eventually(() => zdr.said().stderr.includes(text), { name: text });
      await said("web1: activate\n");
      const slow = Promise.all([1, 2, 3, 4].map(() => ask(`${url}/slow?ms=${SLOW_MS}`)));
      await said(asks);
      const begunAt = monotonicMs();

      for (const { status, release, doneAt } of await slow) {
        assert.deepEqual([status, release], [200, old]);
        assert.ok(doneAt > begunAt, "answered before the reload began");
      }
      const { code, stdout, stderr } = await zdr.done;
      assert.equal(code, 0, stderr);
      assert.match(rowOf(stdout).failed ?? "", /^0\b/, stdout);
      assert.equal((await ask(`${url}/version`)).release, next);
    });
  });

  if (twin === undefined) return;
  describe("the same load on a program that is restarted", () => {
    const story = startStory(twin.sample, { ...twin.program, reload: "restart" }, TWIN_DEPLOYS, 0);

    test("requests fail, and the report counts some of its own as failed too", () => {
      const { load, deploys } = story.series;
      assert.ok(load.failed > 0, "none failed");
      for (const { report } of deploys) {
        assert.equal(report.action, "restart");
        assert.ok((report.meter?.during.failed ?? 0) > 0, JSON.stringify(report.meter));
        assert.ok((report.gapMs ?? 0) > 0, "no gap was reported");
      }
    });

    test("the table shows how many failed", async () => {
      await story.rig.useSample(twin.sample, { release: "v1" });
      const { code, stdout, stderr } = await story.rig.zdr(["deploy", "--tag", "table"]);
      assert.equal(code, 0, stderr);
      assert.match(rowOf(stdout).failed ?? "", /^[1-9]/, stdout);
    });
  });
}

interface Story {
  readonly rig: Rig;
  readonly url: string;
  /** supervisor's pid after the first deploy. */
  readonly before: number;
  readonly series: Series;
}

/** Starts a host, the program on it by a first deploy of v1, and a series of deploys; filled in before the tests run. */
function startStory(sample: SampleName, program: object, deploys: number, requests: number): Story {
  const story: Partial<Story> = {};
  const cleaning: (() => Promise<void>)[] = [];
  before(async () => {
    const rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh" });
    const { url } = await rig.addSample(sample, { ...HASTE, ...program }, { meter: METER_RATE });
    await rig.useSample(sample, { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "v1-0"]]) {
      const { code, stdout, stderr } = await rig.zdr(args);
      assert.equal(code, 0, `${stdout}${stderr}`);
    }
    const pid = await supervisedPid(rig);
    const series = await deploySeries(rig, { sample, url, releases: releasesInTurn(deploys), requests });
    Object.assign(story, { rig, url, before: pid, series });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  return story as Story;
}

async function supervisedPid(rig: Rig): Promise<number> {
  return Number((await rig.supervisord.ctl(["pid", "shop"])).stdout);
}

/** The one row of the table, by its titles. No cell of it is empty: a column without any is left out. */
function rowOf(table: string): Readonly<Record<string, string | undefined>> {
  const [titles = [], row = []] = table.split("\n").map((line) => line.trim().split(/ {2,}/));
  return Object.fromEntries(titles.map((title, index) => [title, row[index]]));
}

/** One request on a connection of its own. */
function ask(url: string): Promise<{ status: number | undefined; release: string | undefined; doneAt: number }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      const release = response.headers["x-release"];
      response.on("error", reject).on("end", () => {
        resolve({ status: response.statusCode, release: String(release), doneAt: monotonicMs() });
      });
      response.resume();
    });
    request.on("error", reject);
  });
}
