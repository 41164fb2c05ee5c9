import assert from "node:assert/strict";
import { test } from "node:test";
import { READY_TIMEOUT_MS, waitReady } from "../../../../agent/activation/ready.ts";
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
  return waitReady(context, program, { tag: "v2", before: new Set(), listens: true, at: 0, look });
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

/** The old process serves until this moment, and then a new one; `toldAt`: when supervisord had passed the signal on. */
async function late({ until, toldAt }: { readonly until: number; readonly toldAt?: number }) {
  const program = programPlan("gunicorn");
  let clock = toldAt ?? 0;
  const context = {
    ...{ layout: layoutOf("/nowhere"), project: projectPlan("/nowhere", [program]) },
    ...{ now: () => clock, emit: () => {} },
    sleep: async (ms: number) => {
      clock += ms;
    },
  } as unknown as HostContext;
  const master = view(NOBODY, { supervised: true, holds: false });
  const old = view(NOBODY + 1, { startTicks: 1, release: "v1", accepts: true });
  const look = async () => ({
    info: INFO,
    processes: [master, clock < until ? old : view(NOBODY + 2, { accepts: true })],
  });
  const before = new Set([master, old].map(processKey));
  const times = toldAt === undefined ? { at: 0 } : { at: 0, toldAt };
  const expected = { pid: INFO.pid, start: INFO.start };
  return waitReady(context, program, { tag: "v2", before, listens: true, expected, ...times, look });
}

test("a program has its time from when supervisord has told it, however late that was", async () => {
  const { timeoutMs = READY_TIMEOUT_MS } = programPlan("gunicorn").health ?? {};
  const untold = late({ until: timeoutMs + 1_000 });
  await assert.rejects(untold, (error) => {
    const seen = { reason: "wrong-release", program: "shop", pid: NOBODY + 1, runs: "v1", want: "v2", wasThere: true };
    assert.ok(error instanceof AgentError);
    assert.deepEqual(error.failure, seen);
    return true;
  });
  const { readyMs } = await late({ until: timeoutMs + 1_000, toldAt: 2_000 });
  assert.ok(readyMs > timeoutMs, `${readyMs} ms, from the signal on`);
});
