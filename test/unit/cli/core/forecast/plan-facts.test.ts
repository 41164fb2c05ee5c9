import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Survey } from "../../../../../agent/protocol.ts";
import type { HookPlan, ProgramPlan } from "../../../../../agent/wire/plan.ts";
import type { ProcessInfo } from "../../../../../agent/wire/program.ts";
import {
  changedParts,
  isHostAsPlanned,
  isPlanId,
  type PlanFacts,
  type PlanPart,
  planTexts,
} from "../../../../../cli/core/forecast/plan-facts.ts";
import { programPlan, projectPlan } from "../../../../support/fixtures/plans.ts";

const SURVEY: Survey = {
  ...{ hostname: "web1", user: "deploy", uid: 1001, node: "18.20.4", agent: "abc" },
  supervisor: { url: "unix:///run/s.sock", version: "4.2.5", pid: 1, uid: 0 },
  ...{ freeBytes: 5e9, freeInodes: 1e6, current: "v1", warnings: [] },
  releases: [{ tag: "v1", verdict: "good", isCurrent: true, isPresent: true, runs: ["shop"], digest: "d1" }],
  programs: [
    {
      ...{ name: "shop", process: "shop", findings: [], runs: "v1" },
      info: { statename: "RUNNING", pid: 4711, now: 100, description: "uptime 0:00:10" } as ProcessInfo,
    },
  ],
};
const STAGE = { staged: false, missing: [0], missingBytes: 10, copiedBytes: 0 };
const HEALTH = {
  ...{
    http: "http://127.0.0.1:8080/health?key=opensesame",
    timeoutMs: 1,
    requestTimeoutMs: 1,
    status: [],
    meterRate: 0,
  },
};
const PROGRAM = programPlan("gunicorn", { environment: { TOKEN: "hunter2" }, health: HEALTH });
const GRACEFUL = programPlan("gunicorn", {
  reload: { strategy: "http", url: "http://ann:swordfish@127.0.0.1:8080/graceful?key=xyzzy", drainMs: 1 },
});
const MIGRATE: HookPlan = {
  ...{ when: "before_activate", argv: ["bin/migrate", "--password=plugh"], once: true },
  ...{ timeoutMs: 60_000, onFailure: "revert" },
};
const PURGE = { when: "after_keep", argv: ["/bin/sh", "-c", "purge --token=plover"], timeoutMs: 60_000 } as const;
const FACTS: PlanFacts = {
  ...{ tag: "v2", digest: "d2" },
  project: projectPlan("/data/shop", [PROGRAM, GRACEFUL], { supervisor: { password: "sesame" }, hooks: [MIGRATE] }),
  localHooks: [PURGE],
  rollout: { batch: [{ hosts: 1 }], pauseMs: 0, maxFailures: 0, onFailure: "stop" },
  hosts: [
    { host: "web1", survey: SURVEY, stage: STAGE },
    { host: "web2", survey: SURVEY, stage: STAGE },
  ],
};

const withSurvey = (changes: Partial<Survey>): PlanFacts => ({
  ...FACTS,
  hosts: FACTS.hosts.map((host) => ({ ...host, survey: { ...SURVEY, ...changes } })),
});

const withProgram = (changes: Partial<ProgramPlan>): PlanFacts => ({
  ...FACTS,
  project: { ...FACTS.project, programs: [{ ...PROGRAM, ...changes }, GRACEFUL] },
});
const withHook = (changes: Partial<HookPlan>): PlanFacts => ({
  ...FACTS,
  project: { ...FACTS.project, hooks: [{ ...MIGRATE, ...changes }] },
});
const withLocalHook = (changes: Partial<PlanFacts["localHooks"][number]>): PlanFacts => ({
  ...FACTS,
  localHooks: [{ ...PURGE, ...changes }],
});

function differing(a: PlanFacts, b: PlanFacts): string[] {
  const [was, is] = [planTexts(a), planTexts(b)];
  return (Object.keys(was) as PlanPart[]).filter((part) => was[part] !== is[part]);
}

describe("what the ID of a plan stands for", () => {
  const [shop] = SURVEY.programs;
  assert.ok(shop?.info);
  const changes: [string, PlanFacts, string[]][] = [
    ["another build", { ...FACTS, digest: "d3" }, ["build"]],
    ["another number of releases to keep", { ...FACTS, project: { ...FACTS.project, keep: 9 } }, ["config"]],
    ["other batches", { ...FACTS, rollout: { ...FACTS.rollout, batch: [{ percent: 100 }] } }, ["config"]],
    ["another health check", withProgram({ health: { ...HEALTH, http: "http://127.0.0.1:8080/ready" } }), ["config"]],
    ["a hook that runs here no more", { ...FACTS, localHooks: [] }, ["config"]],
    ["a hook that runs here at another time", withLocalHook({ when: "before_stage" }), ["config"]],
    ["a hook that runs here for longer", withLocalHook({ timeoutMs: 1 }), ["config"]],
    ["another program as a hook that runs here", withLocalHook({ argv: ["bin/purge", "-c", "x"] }), ["config"]],
    ["another program as a hook", withHook({ argv: ["bin/other", "up"] }), ["config"]],
    ["a hook on every host", withHook({ once: false }), ["config"]],
    ["another word of a hook", withHook({ argv: ["bin/migrate", "--password=other"] }), []],
    ["another line for the shell", withLocalHook({ argv: ["/bin/sh", "-c", "x"] }), []],
    [
      "another query of a health check",
      withProgram({ health: { ...HEALTH, http: HEALTH.http.replace("open", "") } }),
      [],
    ],
    ["a host fewer", { ...FACTS, hosts: FACTS.hosts.slice(0, 1) }, ["hosts"]],
    ["another release that is current", withSurvey({ current: "v0" }), ["hosts"]],
    ["a release that was rolled back from", withSurvey({ releases: [] }), ["hosts"]],
    [
      "a program that went down",
      withSurvey({ programs: [{ ...shop, info: { ...shop.info, statename: "FATAL" } }] }),
      ["hosts"],
    ],
    ["a program that runs something else", withSurvey({ programs: [{ ...shop, runs: "v0" }] }), ["hosts"]],
    ["less space", withSurvey({ freeBytes: 4e9 }), []],
    ["a new pid", withSurvey({ programs: [{ ...shop, info: { ...shop.info, pid: 9, now: 200 } }] }), []],
    ["hosts in another order", { ...FACTS, hosts: [...FACTS.hosts].reverse() }, []],
  ];
  for (const [what, facts, parts] of changes) {
    test(`${what} changes ${parts.length === 0 ? "nothing" : parts.join(" and ")}`, () => {
      assert.deepEqual(differing(FACTS, facts), parts);
    });
  }

  test("no secret is in it", () => {
    assert.doesNotMatch(Object.values(planTexts(FACTS)).join(), /hunter2|sesame|swordfish|xyzzy|plugh|plover/);
    assert.match(planTexts(FACTS).config, /TOKEN/);
  });

  test("two IDs say in which parts they differ", () => {
    assert.deepEqual(changedParts("00000000-11111111-22222222", "00000000-aaaaaaaa-bbbbbbbb"), ["config", "hosts"]);
    assert.deepEqual(changedParts("00000000-11111111-22222222", "00000000-11111111-22222222"), []);
  });

  test("what is no ID is told from one that is", () => {
    assert.ok(isPlanId("00000000-11111111-abcdef01"));
    for (const text of ["", "v1.2", "00000000-11111111", "00000000-11111111-ABCDEF01", "00000000-11111111-22222222-3"])
      assert.ok(!isPlanId(text), text);
  });
});

describe("a host that is looked at again in the middle of a deploy", () => {
  const isHeld = (changes: Partial<Survey>) => {
    const looked = (survey: Survey) => ({ host: "web1", survey });
    return isHostAsPlanned(looked(SURVEY), looked({ ...SURVEY, ...changes }), FACTS.tag, FACTS.project);
  };
  const release = {
    tag: "v2",
    verdict: "staged",
    isCurrent: false,
    isPresent: true,
    runs: [] as string[],
    digest: "d2",
  } as const;

  test("is as it was planned with the release that this deploy has put there, with less room, and with other pids", () => {
    const [program] = SURVEY.programs;
    assert.ok(program?.info);
    const programs = [{ ...program, info: { ...program.info, pid: 4712 } }];
    assert.ok(isHeld({ releases: [...SURVEY.releases, release], freeBytes: 1, programs }));
  });

  test("is not where somebody has deployed, or has stopped the program", () => {
    const [program] = SURVEY.programs;
    assert.ok(program?.info);
    assert.ok(!isHeld({ current: "v9" }));
    assert.ok(!isHeld({ releases: [...SURVEY.releases, { ...release, tag: "v9" }] }));
    assert.ok(!isHeld({ programs: [{ ...program, info: { ...program.info, statename: "STOPPED", pid: 0 } }] }));
  });
});
