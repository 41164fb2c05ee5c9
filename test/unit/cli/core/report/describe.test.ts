import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ProcessInfo } from "../../../../../agent/wire/program.ts";
import type { ReleaseInfo } from "../../../../../agent/wire/release.ts";
import type { ActivationReport, ProgramReport } from "../../../../../agent/wire/report.ts";
import { activationTable, describeControl, describeReleases } from "../../../../../cli/core/report/describe.ts";

const PROGRAM: ProgramReport = {
  name: "shop",
  process: "shop",
  action: "reload",
  before: { release: "v1.1", pid: 4711, state: "RUNNING" },
  after: { release: "v1.2", pid: 4711, state: "RUNNING" },
  readyMs: 48,
  oldGoneMs: 2750,
  draining: 0,
  proof: "processes",
  evidence: [],
  meter: {
    baseline: { sent: 100, failed: 0, reconnects: 0, slowestMs: 3 },
    during: { sent: 1200, failed: 2, reconnects: 5, slowestMs: 41 },
  },
};
const report = (...programs: ProgramReport[]): ActivationReport => ({
  outcome: "kept",
  tag: "v1.2",
  previous: "v1.1",
  programs,
  log: [],
  flipToDoneMs: 3000,
  warnings: [],
});
const without = <Key extends keyof ProgramReport>(key: Key, more: Partial<ProgramReport>): ProgramReport => {
  const { [key]: _, ...rest } = PROGRAM;
  return { ...rest, ...more } as ProgramReport;
};

describe("the table at the end of a deploy", () => {
  test("says which processes served before and after, and what became of the requests in flight", () => {
    const meter = { ...PROGRAM.meter, inFlight: { sent: 3, failed: 0 } } as ProgramReport["meter"];
    const told = (more: object) => activationTable([{ host: "web-1", report: report({ ...PROGRAM, meter, ...more }) }]);
    assert.match(told({ serving: { before: [5070], after: [5104] } }), /4711 \(same\) +5070 -> 5104 .* 3 answered /);
    const workers = { before: [11, 12], after: [21, 22, 23, 24] };
    assert.match(told({ serving: workers }), / 11, 12 -> 21, 22 and 2 more /);
    assert.match(told({ serving: { before: [], after: [7] } }), / none -> 7 /);
    assert.match(told({ serving: { before: [7], after: [7] } }), / 7 \(same\) /);
    const lost = { ...meter, inFlight: { sent: 3, failed: 1 } };
    assert.match(told({ meter: lost }), / 1 of 3 lost /);
  });

  test("says release and pid before and after, times, what the meter counted, and the proof", () => {
    assert.equal(
      activationTable([{ host: "web-1", report: report(PROGRAM) }]),
      "host   program  did     release       pid          ready  old gone  requests  failed  reconnects  slowest  proof\n" +
        "web-1  shop     reload  v1.1 -> v1.2  4711 (same)  48 ms    2.75 s      1200       2           5    41 ms  processes\n",
    );
  });

  test("of a release that was taken back, each time says whose it is", () => {
    const back = {
      ...PROGRAM,
      action: "restart",
      tried: "reload",
      after: { ...PROGRAM.after, release: "v1.1" },
    } as const;
    const reverted = { ...report(back), outcome: "reverted" } as const;
    assert.match(
      activationTable([{ host: "web-1", report: reverted }]),
      / reload, back by restart +v1\.2 failed, v1\.1 again +4711 \(same\) +v1\.1: 48 ms +v1\.2: 2\.75 s /,
    );
  });

  test("requests that failed before the flip are told beside those that failed after it", () => {
    const meter = {
      baseline: { sent: 100, failed: 3, reconnects: 0, slowestMs: 3 },
      during: { sent: 1200, failed: 4, reconnects: 0, slowestMs: 41 },
    };
    const table = activationTable([{ host: "web-1", report: report({ ...PROGRAM, meter }) }]);
    assert.match(table, / 4 \(before the flip: 3 of 100\) /);
  });

  test("of a program with members it tells the pids of all that ran and that run", () => {
    const of = (...pids: number[]) => pids.map((pid, at) => ({ process: `shop:shop_0${at}`, pid }));
    const pids = (members: ProgramReport["members"]) =>
      activationTable([{ host: "web-1", report: report({ ...PROGRAM, ...(members && { members }) }) }]);
    assert.match(pids({ before: of(11), after: of(12) }), / 11 -> 12 {2}/);
    assert.match(pids({ before: of(11, 12), after: of(13, 14) }), / 11, 12 -> 13, 14 {2}/);
    assert.match(pids({ before: of(11, 12), after: of(11, 12) }), / 11, 12 \(same\) {2}/);
    assert.match(pids({ before: [], after: of(11) }), / none -> 11 {2}/);
  });

  test("the gap of a restart has a column of its own", () => {
    const table = activationTable([{ host: "web-1", report: report({ ...PROGRAM, action: "restart", gapMs: 2150 }) }]);
    assert.match(table, /gap .*\n.* 2\.15 s /);
  });

  test("an old generation that still drains is said to, with how many processes", () => {
    const table = activationTable([{ host: "web-1", report: report(without("oldGoneMs", { draining: 2 })) }]);
    assert.match(table, /still draining \(2\)/);
    const late = { draining: 2, connections: 3 };
    assert.match(activationTable([{ host: "web-1", report: report(without("oldGoneMs", late)) }]), /\(2, 3 open\)/);
    const ended = { ...PROGRAM, ended: 1, oldGoneMs: 30_000 };
    assert.match(activationTable([{ host: "web-1", report: report(ended) }]), /30 s, ended/);
  });

  test("a first start comes from no release and no pid", () => {
    const first = without("meter", { action: "start", before: { pid: 0, state: "STOPPED" } });
    const table = activationTable([{ host: "web-1", report: report(first) }]);
    assert.match(table, /none -> v1\.2 {2}none -> 4711/);
  });

  test("where the meter did not run it says so and shows no number", () => {
    const table = activationTable([{ host: "web-1", report: report(without("meter", {})) }]);
    assert.match(table, /not measured {2}processes/);
    assert.doesNotMatch(table, /failed/);
  });

  test("a program that was left alone has no requests to tell of", () => {
    const idle = without("meter", { action: "none" });
    assert.doesNotMatch(activationTable([{ host: "web-1", report: report(idle) }]), /not measured/);
  });

  test("without a baseline only what was measured is shown", () => {
    const meter = {
      baseline: { sent: 0, failed: 0, reconnects: 0, slowestMs: 0 },
      during: { sent: 9, failed: 0, reconnects: 0, slowestMs: 8 },
    };
    assert.match(activationTable([{ host: "web-1", report: report({ ...PROGRAM, meter }) }]), / 9 +0 +8 ms/);
  });

  test("on a terminal that is too narrow each program has lines of its own, and none is broken", () => {
    const text = activationTable([{ host: "web-1", report: report(PROGRAM) }], 80);
    assert.match(text, /^web-1 shop\n {2}did {9}reload\n/);
    assert.match(text, /\n {2}requests {4}1200\n/);
    assert.ok(text.split("\n").every((line) => line.length <= 80));
  });

  test("every host and program has its row", () => {
    const two = report(PROGRAM, { ...PROGRAM, name: "api" });
    const table = activationTable([
      { host: "web-1", report: two },
      { host: "web-2", report: two },
    ]);
    assert.equal(table.trimEnd().split("\n").length, 5);
  });
});

describe("the table of releases", () => {
  const release: ReleaseInfo = {
    tag: "v1.2",
    verdict: "good",
    at: "2026-11-20T10:39:12.345Z",
    by: { user: "ann", host: "laptop", run: "https://ci/1" },
    revision: { commit: "0123456789abcdef0123", dirty: true },
    isCurrent: true,
    isPresent: true,
    runs: ["shop", "api"],
  };

  test("says what became of each, when, by whom, from which revision, and what runs it", () => {
    assert.equal(
      describeReleases([{ host: "web-1", releases: [release] }]),
      "   release  became  when                  by                         revision              runs in\n" +
        "*  v1.2     good    2026-11-20 10:39:12Z  ann@laptop (https://ci/1)  0123456789ab (dirty)  shop, api\n",
    );
  });

  test("a release that the ledger knows and that is not there is said to be gone", () => {
    const gone = { tag: "v1.0", verdict: "good" as const, isCurrent: false, isPresent: false, runs: [] };
    assert.match(describeReleases([{ host: "web-1", releases: [gone] }]), /good, not there/);
    assert.doesNotMatch(describeReleases([{ host: "a", releases: [{ ...gone, verdict: "removed" }] }]), /not there/);
  });

  test("hosts are named where there is more than one", () => {
    const hosts = ["web-1", "web-2"].map((host) => ({ host, releases: [release] }));
    assert.match(describeReleases(hosts), /^host .*\nweb-1 .*\nweb-2 /);
  });
});

test("control says what was done to each program, the state, the pid and the gap", () => {
  const info: ProcessInfo = {
    name: "shop",
    group: "shop",
    state: 20,
    statename: "RUNNING",
    description: "",
    pid: 4712,
    start: 0,
    stop: 0,
    now: 0,
    spawnerr: "",
    exitstatus: 0,
    stdout_logfile: "",
    stderr_logfile: "",
  };
  const programs = [
    { name: "shop", process: "shop", done: "restarted", info, gapMs: 1300 },
    { name: "api", process: "api", done: "stopped", info: { ...info, statename: "STOPPED", pid: 0 } },
  ];
  assert.equal(
    describeControl([{ host: "web-1", result: { programs } }]),
    "host   program  did        state     pid    gap\n" +
      "web-1  shop     restarted  RUNNING  4712  1.3 s\n" +
      "web-1  api      stopped    STOPPED\n",
  );
});
