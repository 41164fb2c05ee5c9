import assert from "node:assert/strict";
import { test } from "node:test";
import { askedNow, waitReady } from "../../../../agent/activation/ready.ts";
import type { HostContext } from "../../../../agent/context.ts";
import { AgentError } from "../../../../agent/core/failure.ts";
import { type ProcessView, processKey } from "../../../../agent/core/generation.ts";
import { layoutOf } from "../../../../agent/core/layout.ts";
import type { ProcessInfo } from "../../../../agent/wire/program.ts";
import { programPlan, projectPlan } from "../../../support/fixtures/plans.ts";

const INFO: ProcessInfo = {
  ...{ name: "shop", group: "shop", state: 20, statename: "RUNNING", description: "", pid: 4711, start: 100, stop: 0 },
  ...{ now: 110, spawnerr: "", exitstatus: 0, stdout_logfile: "", stderr_logfile: "" },
};
/** Beyond every pid that Linux gives. */
const NOBODY = 5_000_000;
const LIVES = 10;

const view = (pid: number, over: Partial<ProcessView>): ProcessView => ({
  ...{
    pid,
    startTicks: pid,
    supervised: false,
    isChild: true,
    accepts: false,
    holds: true,
    release: "v2",
    releaseBy: "cwd",
  },
  ...{ throughCurrent: true, denied: false },
  ...over,
});

/** A program whose processes with its socket end one after the other, until one stays and accepts. */
async function start(preset: Parameters<typeof programPlan>[0]) {
  const program = programPlan(preset);
  const context = {
    ...{ layout: layoutOf("/nowhere"), project: projectPlan("/nowhere", [program]) },
    ...{ now: () => 0, sleep: async () => {}, emit: () => {} },
  } as unknown as HostContext;
  let looks = 0;
  const look = async () => {
    looks += 1;
    const supervised = view(NOBODY, { supervised: true, holds: false });
    return { info: INFO, processes: [supervised, view(NOBODY + looks, { accepts: looks > LIVES })] };
  };
  return waitReady(context, program, { tag: "v2", before: new Set(), listens: true, at: 0, waitedMs: 0, look });
}

for (const preset of ["systemd-socket", "grace", "bluegreen"] as const) {
  test(`what a ${preset} program runs before its server, with the socket in its hands, is no crash`, async () => {
    assert.deepEqual((await start(preset)).serving, [NOBODY + LIVES + 1]);
  });
}

test("workers that a master starts again and again are one", async () => {
  await assert.rejects(start("gunicorn"), (error) => {
    assert.ok(error instanceof AgentError && error.failure.reason === "crashed");
    return /of its new workers ended before one was ready/.test(error.failure.detail);
  });
});

/** The old process serves on for as long as anybody looks; `share`: of that time, until supervisord has answered. */
async function late(share: number) {
  const program = programPlan("gunicorn");
  let clock = 0;
  const context = {
    ...{ layout: layoutOf("/nowhere"), project: projectPlan("/nowhere", [program]) },
    ...{ now: () => clock, emit: () => {} },
    sleep: async (ms: number) => {
      clock += ms;
    },
    supervisor: {
      address: { url: "unix:///run/s.sock" },
      get waitedMs() {
        return clock * share;
      },
    },
  } as unknown as HostContext;
  const old = [
    view(NOBODY, { supervised: true, holds: false }),
    view(NOBODY + 1, { startTicks: 1, release: "v1", accepts: true }),
  ];
  const look = async () => ({ info: INFO, processes: old });
  const before = new Set(old.map(processKey));
  const error: unknown = await waitReady(context, program, {
    ...{ tag: "v2", before, listens: true, ...askedNow(context), look },
  }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof AgentError);
  return error.failure;
}

test("a program that is late is told by what it runs, and by supervisord only where that took most of the time", async () => {
  const seen = { reason: "wrong-release", program: "shop", pid: NOBODY + 1, runs: "v1", want: "v2", wasThere: true };
  assert.deepEqual(await late(0.1), seen);
  const failure = await late(0.6);
  assert.ok(failure.reason === "supervisor-hung");
  assert.deepEqual([failure.program, failure.want], ["shop", "v2"]);
  assert.ok(failure.waitedMs > failure.timeoutMs / 2);
});
