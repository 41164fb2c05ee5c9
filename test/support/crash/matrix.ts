/**
 * Every moment of a deploy and of a rollback, with everything that can die at it: the same story for any sample. The
 * moments are those that the sample's own deploy and rollback go through.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Cleanup } from "../rig.ts";
import { resultNameOf, type StorySample } from "../story/catalog.ts";
import { type CaseRules, type CrashCase, type CrashResult, runCase } from "./case.ts";
import { FAULT_NAMES } from "./faults.ts";
import { type CrashHost, startCrashHost, type WatchedHost, watchHosts } from "./host.ts";
import { buildSteered } from "./moments.ts";
import type { MatrixRun } from "./results.ts";

export interface MatrixOptions {
  /** Hosts that are disturbed at the same time: the cases mostly wait. */
  readonly hosts: number;
  /** Only these moments; default: all. */
  readonly only?: RegExp;
  /** Hears of each case as soon as it is over. */
  readonly onResult?: (result: CrashResult) => void;
  /** Gets what became of every case, and of what none of them failed at. */
  readonly onEnd?: (run: MatrixRun) => Promise<void>;
}

const VERBS = ["deploy", "rollback"] as const;
/** A moment that comes many times, and no two times as often: its first time stands for all. */
const REPEATED =
  /^(?:watch: looked|incoming: (?:file|part of a file) (?:written|copied)|program: processes proved) #(?!1$)/;
const LEAST_MOMENTS = 25;

export function testCrashes(
  entry: StorySample,
  { hosts: hostCount, only = /./, onResult, onEnd }: MatrixOptions,
): void {
  describe(`${resultNameOf(entry)}: a command that is cut short, at every moment of it`, () => {
    const cleaning: (() => Promise<void>)[] = [];
    const cleanup: Cleanup = { after: (clean) => cleaning.push(clean) };
    let moments: Traces = { deploy: [], rollback: [] };
    let results: CrashResult[] = [];
    let hosts: WatchedHost[] = [];

    before(async () => {
      const dist = await buildSteered(cleanup);
      hosts = await watchHosts(cleanup, await startHosts(cleanup, entry, dist, hostCount));
      const [first] = hosts;
      assert.ok(first);
      moments = await traceVerbs(first);
      const cases = casesOf(moments).filter(({ moment }) => only.test(moment));
      const startedAt = performance.now();
      results = await runCases(hosts, cases, { mayFail: entry.hasGap === true }, onResult);
      await onEnd?.({ entry, results, hosts: hostCount, seconds: (performance.now() - startedAt) / 1000 });
    });
    after(async () => {
      for (const clean of cleaning.reverse()) await clean();
    });

    for (const verb of VERBS) {
      test(`a ${verb} has at least ${LEAST_MOMENTS} moments, and each was disturbed in ${FAULT_NAMES.length} ways`, () => {
        const known = new Set(moments[verb]);
        const disturbed = [...known].filter((moment) => only.test(moment));
        assert.ok(known.size >= LEAST_MOMENTS, `${known.size}`);
        assert.ok(disturbed.length > 0);
        assert.equal(results.filter((one) => one.verb === verb).length, disturbed.length * FAULT_NAMES.length);
      });
      for (const fault of FAULT_NAMES) {
        test(`${verb}, ${fault}: requests are answered, current is whole, the next deploy succeeds, the ledger is right`, () => {
          const bad = results.filter((one) => one.verb === verb && one.fault === fault && one.problems.length > 0);
          assert.deepEqual(
            bad.map(({ moment, problems }) => `${moment}:\n${problems.join("\n")}`),
            [],
          );
        });
      }
    }

    if (entry.hasGap === true) return;
    test("not one request failed on any host, from the first case to the last", async () => {
      for (const host of hosts) {
        const { requests, sent } = await host.load.stop();
        const failed = requests
          .filter(({ outcome }) => outcome === "failed")
          .map(({ kind, error }) => `${kind}: ${error}`);
        assert.deepEqual(failed, []);
        assert.ok(sent > 0);
      }
    });
  });
}

/** Two at a time: what a machine is asked for by all of them at once is more than what any of the cases asks for. */
async function startHosts(cleanup: Cleanup, entry: StorySample, dist: string, count: number): Promise<CrashHost[]> {
  const hosts: CrashHost[] = [];
  const start = async () => {
    while (left-- > 0) hosts.push(await startCrashHost(cleanup, entry.sample, dist, entry.program));
  };
  let left = count;
  await Promise.all([start(), start()]);
  return hosts;
}

type Traces = Readonly<Record<(typeof VERBS)[number], readonly string[]>>;

/** Which moments each verb has, by one undisturbed run of it. */
async function traceVerbs(host: CrashHost): Promise<Traces> {
  const trace = async (args: readonly string[]) => {
    await host.moments.takeTrace();
    const { code, stdout, stderr } = await host.rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
    return (await host.moments.takeTrace()).filter((moment) => !REPEATED.test(moment));
  };
  // The first deploy of all has nothing to prune yet.
  await trace(["deploy", "--tag", (await host.nextBuild()).tag]);
  const deploy = await trace(["deploy", "--tag", (await host.nextBuild()).tag]);
  const rollback = await trace(["rollback"]);
  await trace(["deploy", "--tag", (await host.nextBuild()).tag]);
  return { deploy, rollback };
}

function casesOf(traces: Traces): CrashCase[] {
  return VERBS.flatMap((verb) =>
    traces[verb].flatMap((moment, index) =>
      FAULT_NAMES.map(
        (fault, nth) =>
          ({ verb, moment, nth: index, fault, after: (index + nth) % 2 === 0 ? "same" : "next" }) as const,
      ),
    ),
  );
}

/** Whichever host is done takes the next case. */
async function runCases(
  hosts: readonly WatchedHost[],
  cases: readonly CrashCase[],
  rules: CaseRules,
  onResult: MatrixOptions["onResult"],
): Promise<CrashResult[]> {
  const results: CrashResult[] = [];
  const left = [...cases];
  await Promise.all(
    hosts.map(async (host) => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const result = await runCase(host, next, rules);
        results.push(result);
        onResult?.(result);
      }
    }),
  );
  return results;
}
