/**
 * The story of a program, the same for each: a first start, reloads under load, a request in flight, a restart and a stop
 * by supervisor's own tool. Nothing of it may fail, be lost, or be left.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProgramReport } from "../../../agent/wire/report.ts";
import { eventually } from "../eventually.ts";
import { deploySeries, failuresOf, reportIn, type Series } from "../load/deploy-series.ts";
import { monotonicMs } from "../load/load.ts";
import { type Answer, ask } from "../load/supervised.ts";
import type { StorySample } from "./catalog.ts";
import { type StoryHost, type Supervised, startStoryHost } from "./host.ts";

const DEPLOYS = 5;
/** Half of them on connections of their own. On a machine that has other work they may be late, but none is left out. */
const REQUESTS_PER_SECOND = 700;
/** In the whole series: what 500 a second would be, were each deploy over in three seconds. */
const requestsOf = (deploys: number) => deploys * 1_500;
const SLOW_MS = 3_000;
/** One of them began so shortly before the reload that it is in flight when it begins. */
const SLOW_EVERY_MS = 500;

/** Release names v1, v2, v3 in turn, from v2 on, so that no two in a row are the same and three builds do. */
const releasesInTurn = (count: number) => Array.from({ length: count }, (_, index) => `v${((index + 1) % 3) + 1}`);

interface Told {
  readonly host: StoryHost;
  readonly first: ProgramReport;
  readonly supervised: Supervised;
  /** Moment at which supervisor said that. */
  readonly at: number;
  readonly series: Series;
}

export function testStory(entry: StorySample): void {
  const { sample, asks, deploys = DEPLOYS, requests = requestsOf(deploys) } = entry;
  const releases = releasesInTurn(deploys);
  describe(sample, { concurrency: 1 }, () => {
    const cleaning: (() => Promise<void>)[] = [];
    let story: Told;
    before(async () => {
      story = await tell(entry, { after: (clean) => cleaning.push(clean) }, releases, requests);
    });
    after(async () => {
      for (const clean of cleaning.reverse()) await clean();
    });
    const inLog = async (pattern: RegExp) => (await story.host.rig.supervisord.programLogs()).match(pattern) ?? [];

    test("the first deploy starts it", () => {
      const { action, before: was, after: is, proof } = story.first;
      assert.deepEqual([action, was.pid, is.state, proof], ["start", 0, "RUNNING", "processes"]);
    });

    test(`${deploys} reloads under load: not one request fails, over fresh and kept-alive connections`, (t) => {
      const { load, seconds } = story.series;
      t.diagnostic(
        `${sample}: ${load.sent} requests, ${Math.round(load.sent / seconds)} a second, ${load.failed} failed`,
      );
      assert.deepEqual(failuresOf(load), []);
      assert.ok(load.sent >= requests, `only ${load.sent} were sent`);
      for (const kind of ["fresh", "kept-alive"]) {
        const count = load.requests.filter((request) => request.kind === kind).length;
        assert.ok(count > load.sent / 10, `only ${count} were ${kind}`);
      }
    });

    test("what is sent after a deploy has returned is answered by the new release", () => {
      for (const { release, after: sent } of story.series.deploys) {
        assert.deepEqual(new Set(sent.map(({ kind }) => kind)), new Set(["fresh", "kept-alive"]));
        assert.deepEqual(new Set(sent.map((request) => request.release)), new Set([release]));
      }
    });

    test("each report tells of a reload that was proved, and of requests of its own that did not fail", () => {
      const { pid } = story.supervised;
      for (const { report } of story.series.deploys) {
        assert.deepEqual([report.action, report.proof], ["reload", "processes"]);
        assert.deepEqual([report.before.pid, report.after.pid], [pid, pid]);
        const { baseline, during } = report.meter ?? assert.fail("nothing was measured");
        assert.ok(baseline.sent > 0 && during.sent > 0, JSON.stringify(report.meter));
        assert.deepEqual([baseline.failed, during.failed], [0, 0]);
      }
    });

    test("supervisor has started one process, and it is up without a break", async () => {
      const { host, supervised, at } = story;
      const now = await host.supervised();
      const elapsed = Math.floor((monotonicMs() - at) / 1000);
      assert.deepEqual([now.state, now.pid], ["RUNNING", supervised.pid]);
      assert.ok(
        now.uptimeSeconds >= supervised.uptimeSeconds + elapsed - 1,
        JSON.stringify([supervised, now, elapsed]),
      );
      const log = await host.rig.supervisord.log();
      const since = log.slice(log.indexOf(`spawned: 'shop' with pid ${supervised.pid}`));
      assert.deepEqual(since.match(/spawned: |entered \w+ state|exited: |stopped: /g), [
        "spawned: ",
        "entered RUNNING state",
      ]);
    });

    test("its log has a whole line of each request, whichever release answered", async () => {
      const answered = story.series.load.requests.map(
        ({ number, release }) => `release ${release} was told "line-${number}"`,
      );
      await eventually(
        async () => {
          const lines = new Set(await inLog(/release \S+ was told "line-\d+"$/gm));
          const missing = answered.filter((line) => !lines.has(line));
          assert.deepEqual(missing.slice(0, 5), [], `${missing.length} of ${answered.length} are missing`);
          return true;
        },
        { name: "all lines are in the log" },
      );
    });

    test(`a request of ${SLOW_MS / 1000} s that is in flight when the reload begins is answered by the old release`, async () => {
      const { host } = story;
      const [old = "", next = ""] = releasesInTurn(deploys + 1).slice(-2);
      await host.rig.useSample(sample, { release: next });
      const zdr = host.rig.startZdr(["deploy", "--tag", "in-flight"]);
      const slow: Promise<Answer>[] = [];
      let begunAt = 0;
      const begins = eventually(() => zdr.said().stderr.includes(asks), { name: asks, timeoutMs: 60_000 });
      void begins.then(() => (begunAt = monotonicMs())).catch(() => {});
      for (let isOver = false; !isOver; ) {
        slow.push(ask(`${host.url}/slow?ms=${SLOW_MS}`));
        isOver = await Promise.race([begins.then(() => true), sleep(SLOW_EVERY_MS, false)]);
      }
      const answers = await Promise.all(slow);
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
      const inFlight = answers.filter(({ doneAt }) => doneAt > begunAt);
      assert.ok(
        inFlight.some(({ release }) => release === old),
        `none of ${old}: ${JSON.stringify(answers)}`,
      );
      const { code, stdout, stderr } = await zdr.done;
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.equal((await ask(`${host.url}/version`)).release, next);
      assert.equal((await host.supervised()).pid, story.supervised.pid);
    });

    test("supervisorctl restart starts the same release anew", async () => {
      const { host } = story;
      const { supervisord } = host.rig;
      const old = await supervisord.processes();
      const { code, stdout } = await supervisord.ctl(["restart", "shop"]);
      assert.deepEqual([code, stdout], [0, "shop: stopped\nshop: started\n"]);
      const { release } = await eventually(() => ask(`${host.url}/version`), { name: "it answers" });
      assert.equal(release, releasesInTurn(deploys + 1).at(-1));
      const living = new Set(await supervisord.processes());
      assert.deepEqual(
        old.filter((pid) => living.has(pid)),
        [],
      );
    });

    test("supervisorctl stop lets the request in flight be answered, and leaves no process", async () => {
      const { host } = story;
      const { supervisord } = host.rig;
      const slow = ask(`${host.url}/slow?ms=1000`);
      // It is in flight once another request, sent after it, has been answered.
      await ask(`${host.url}/version`);
      const stopped = await supervisord.ctl(["stop", "shop"]);
      assert.equal((await slow).status, 200);
      assert.equal(stopped.stdout, "shop: stopped\n");
      assert.deepEqual(await supervisord.processes(), []);
      assert.equal((await host.supervised()).state, "STOPPED");
    });
  });
}

async function tell(
  entry: StorySample,
  cleanup: Parameters<typeof startStoryHost>[0],
  releases: readonly string[],
  requests: number,
): Promise<Told> {
  const host = await startStoryHost(cleanup, entry);
  const { code, stdout, stderr } = await host.deploy("first", { release: "v1" });
  assert.equal(code, 0, `${stdout}${stderr}`);
  const first = reportIn(stdout, stderr);
  const supervised = await host.supervised();
  const at = monotonicMs();
  const { rig, url } = host;
  const { requestsPerSecond = REQUESTS_PER_SECOND } = entry;
  const load = { path: "/log?text=line-{n}", requestsPerSecond };
  const series = await deploySeries(rig, { sample: entry.sample, url, releases, requests, ...load });
  return { host, first, supervised, at, series };
}
