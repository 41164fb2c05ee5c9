import assert from "node:assert/strict";
import { test } from "node:test";
import type { Brought } from "../../../../agent/activation/bring.ts";
import { watchProgram } from "../../../../agent/activation/settle.ts";
import type { HostContext } from "../../../../agent/context.ts";
import { AgentError } from "../../../../agent/core/failure.ts";
import { layoutOf } from "../../../../agent/core/layout.ts";
import type { ProcessInfo } from "../../../../agent/wire/program.ts";
import { programPlan, projectPlan } from "../../../support/fixtures/plans.ts";

const RUNNING: ProcessInfo = {
  ...{ name: "shop", group: "shop", state: 20, statename: "RUNNING", description: "", pid: 4711, start: 100, stop: 0 },
  ...{ now: 110, spawnerr: "", exitstatus: 0, stdout_logfile: "", stderr_logfile: "" },
};

/** What becomes of a program that was proved as RUNNING, and of which supervisor then says this. */
async function watch(now: Partial<ProcessInfo>): Promise<AgentError["failure"]> {
  const program = programPlan("gunicorn", { watchMs: 60_000 });
  const context = {
    ...{ layout: layoutOf("/nowhere"), project: projectPlan("/nowhere", [program]) },
    supervisor: { getProcessInfo: async () => ({ ...RUNNING, ...now }) },
    ...{ now: () => 0, sleep: async () => {} },
  } as unknown as HostContext;
  const brought = { program, info: RUNNING, at: 0, readyMs: 10 } as unknown as Brought;
  const error = await watchProgram(context, brought, undefined).then(
    () => assert.fail("it was found to be well"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AgentError);
  return error.failure;
}

test("a program that supervisor has given up on while it was watched has crashed", async () => {
  const failure = await watch({ statename: "FATAL", state: 200, pid: 0, spawnerr: "Exited too quickly" });
  assert.deepEqual(failure, { reason: "crashed", program: "shop", state: "FATAL", detail: "Exited too quickly" });
});

test("one that is RUNNING under another pid has crashed, and was started again", async () => {
  const failure = await watch({ pid: 4712, start: 105 });
  assert.equal(failure.reason === "crashed" && failure.detail, "pid 4711 ended after it was ready");
});

test("one that is RUNNING under the same pid since another time has crashed: pids are used again", async () => {
  assert.equal((await watch({ start: 105 })).reason, "crashed");
});

test("one that ended, waits to be started again, or was stopped by somebody has crashed as far as its release goes", async () => {
  for (const statename of ["EXITED", "BACKOFF", "STARTING", "STOPPING", "STOPPED"]) {
    assert.equal((await watch({ statename })).reason, "crashed", statename);
  }
});
