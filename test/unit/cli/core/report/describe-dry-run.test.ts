import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Survey } from "../../../../../agent/protocol.ts";
import type { ProcessStateName, ProgramSurvey } from "../../../../../agent/wire/program.ts";
import { describeDryRun, describePlan } from "../../../../../cli/core/report/describe-dry-run.ts";
import { programPlan, projectPlan } from "../../../../support/fixtures/plans.ts";

const PROJECT = projectPlan("/data/shop", [programPlan("overseer"), programPlan("restart", { name: "api" })]);
const RELEASE = { tag: "v1.2", files: 12_000, bytes: 114_000_000 };

const program = (statename: ProcessStateName | undefined, more: Partial<ProgramSurvey> = {}): ProgramSurvey => ({
  name: "shop",
  process: "shop",
  findings: [],
  ...(statename === undefined ? {} : { info: info(statename) }),
  ...more,
});
const survey = (programs: ProgramSurvey[], more: Partial<Survey> = {}): Survey => ({
  hostname: "web1",
  user: "deploy",
  uid: 1001,
  node: "v18.20.4",
  agent: "abc",
  supervisor: { url: "unix:///run/s.sock", version: "4.2.5", pid: 1, uid: 0 },
  freeBytes: 5e9,
  freeInodes: 1e6,
  releases: [],
  programs,
  warnings: [],
  ...more,
});

function info(statename: ProcessStateName) {
  return {
    name: "shop",
    group: "shop",
    state: 20,
    statename,
    description: "",
    pid: statename === "RUNNING" ? 4711 : 0,
    start: 0,
    stop: 0,
    now: 0,
    spawnerr: "",
    exitstatus: 0,
    stdout_logfile: "",
    stderr_logfile: "",
  };
}

describe("what a deploy would do", () => {
  test("says what would be pruned, what that gives back, who keeps a release from going, and the space afterwards", () => {
    const held = [{ tag: "v0.2", pid: 99, command: "sleep", as: "works in" as const }];
    const foreseen = { freeBytes: 4e9, pruned: ["v0.1", "v0.3"], prunedBytes: 5e8, held };
    const stage = { staged: false, missing: [0], missingBytes: 1e9, copiedBytes: 0, foreseen };
    const text = describeDryRun([{ host: "a", survey: survey([program("RUNNING")]), stage }], RELEASE, PROJECT);
    assert.match(text, /5\.00 GB free, 4\.50 GB afterwards\)/);
    assert.match(text, /prune: v0\.1, v0\.3, which gives back 500 MB/);
    assert.match(text, /prune: v0\.2 stays: pid 99 \(sleep\) works in it/);
  });

  test("a program that runs the release already is left alone", () => {
    const text = describeDryRun(
      [{ host: "a", survey: survey([program("RUNNING", { runs: "v1.2" })]) }],
      RELEASE,
      PROJECT,
    );
    assert.match(text, /shop: nothing: it runs v1\.2 already \(RUNNING/);
  });

  test("a program that runs the release, and takes in what deploy.yml has changed, is not left alone", () => {
    const running = program("RUNNING", { runs: "v1.2", changed: ["COLOUR in environment", "command"] });
    const project = projectPlan("/data/shop", [programPlan("systemd-socket")]);
    const host = { host: "a", survey: survey([running], { current: "v1.2" }) };
    const told =
      "reload: start the new one .*; it takes in what deploy.yml has changed: COLOUR in environment, command";
    assert.match(describeDryRun([host], RELEASE, project), new RegExp(`^  shop: ${told} \\(RUNNING`, "m"));
    assert.doesNotMatch(describePlan([host], RELEASE, project, "id"), /nothing to do/);
  });

  test("is told per host, with files and bytes to send, the flip, and what each program would get", () => {
    const stage = { staged: false, missing: [0, 1, 2], missingBytes: 1_234_000, copiedBytes: 112_766_000 };
    const programs = [program("RUNNING", { runs: "v1.1" }), program("RUNNING", { name: "api" })];
    assert.equal(
      describeDryRun([{ host: "web-1", survey: survey(programs, { current: "v1.1" }), stage }], RELEASE, PROJECT),
      "web-1:\n" +
        "  stage: send 3 files, 1.23 MB, copy 113 MB from releases that are there (of 12000 files, 114 MB; 5.00 GB free)\n" +
        "  flip: current from v1.1 to v1.2\n" +
        "  shop: reload: the new binary into its slot, then USR2 to pid 4711 (RUNNING, pid 4711, runs v1.1)\n" +
        "  api: stop, then start, with a gap (RUNNING, pid 4711)\n",
    );
  });

  test("with the release there and current, nothing is sent and nothing is flipped", () => {
    const stage = { staged: true, missing: [], missingBytes: 0, copiedBytes: 0 };
    const text = describeDryRun([{ host: "a", survey: survey([], { current: "v1.2" }), stage }], RELEASE, PROJECT);
    assert.match(text, /stage: v1\.2 is there already \(12000 files, 114 MB\); nothing to send/);
    assert.match(text, /flip: none, current names v1\.2 already/);
  });

  test("a rollback sends nothing, so nothing is said of staging", () => {
    const text = describeDryRun([{ host: "a", survey: survey([program("STOPPED")]) }], RELEASE, PROJECT);
    assert.equal(text, "a:\n  flip: current from nothing to v1.2\n  shop: start (STOPPED)\n");
  });

  const actions: [ProcessStateName | undefined, RegExp][] = [
    ["RUNNING", /reload/],
    ["STOPPED", /^ {2}shop: start/m],
    ["EXITED", /^ {2}shop: start/m],
    ["FATAL", /^ {2}shop: start/m],
    ["STARTING", /wait until it is up/],
    ["BACKOFF", /stop, then start/],
    ["STOPPING", /wait until it has ended, then start/],
    ["UNKNOWN", /refuse/],
    [undefined, /refuse: supervisor does not know it; run zdr setup first/],
  ];
  for (const [state, words] of actions) {
    test(`a program in state ${state ?? "unheard of"} is told what it would get`, () => {
      assert.match(describeDryRun([{ host: "a", survey: survey([program(state)]) }], RELEASE, PROJECT), words);
    });
  }

  test("what speaks against the deploy stands beside the program, with the fix", () => {
    const finding = {
      rule: "x",
      level: "refuse" as const,
      text: "command= names releases/v1",
      fix: "name current/bin/shop",
    };
    const text = describeDryRun(
      [{ host: "a", survey: survey([program("RUNNING", { findings: [finding] })], { warnings: ["odd\x1b[0m"] }) }],
      RELEASE,
      PROJECT,
    );
    assert.match(text, /shop: refuse: command= names releases\/v1; fix: name current\/bin\/shop/);
    assert.match(text, /warning: odd\\x1b\[0m/);
  });
});
