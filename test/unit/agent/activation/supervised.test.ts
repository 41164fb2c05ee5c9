import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SUPERVISOR_RETURN_MS, stopProgram, whenSupervised } from "../../../../agent/activation/supervised.ts";
import type { HostContext } from "../../../../agent/context.ts";
import { AgentError } from "../../../../agent/core/failure.ts";
import { FAULT } from "../../../../agent/io/supervisor/supervisor.ts";
import type { ProgramPlan } from "../../../../agent/wire/plan.ts";

const AWAY = { reason: "supervisor-not-running", url: "unix:///run/supervisor.sock", code: "ECONNREFUSED" } as const;

function clock() {
  let ms = 0;
  const pass = async (more: number) => {
    ms += more;
  };
  const context = { now: () => ms, sleep: pass } as unknown as HostContext;
  return { context, pass, now: () => ms };
}

describe("a supervisord that goes away", () => {
  test("is waited for from when it is away, however long the work has taken until then", async () => {
    const { context, pass, now } = clock();
    const work = async () => {
      if (now() < SUPERVISOR_RETURN_MS) await pass(2 * SUPERVISOR_RETURN_MS);
      if (now() < 2.5 * SUPERVISOR_RETURN_MS) throw new AgentError(AWAY);
      return "done";
    };
    assert.equal(await whenSupervised(context, work), "done");
  });

  test("and does not come back is waited for so long and no longer", async () => {
    const { context, now } = clock();
    const work = () => Promise.reject(new AgentError(AWAY));
    await assert.rejects(whenSupervised(context, work), (error) => error instanceof AgentError);
    assert.ok(now() >= SUPERVISOR_RETURN_MS && now() < SUPERVISOR_RETURN_MS + 1_000);
  });
});

describe("a program that crashes over and over", () => {
  test("is stopped, also where it ends between the look at it and the stop, and is started again", async () => {
    const { context } = clock();
    let state = "RUNNING";
    let stops = 0;
    const supervisor = {
      // EXITED is what supervisord says until its next turn.
      getProcessInfo: async () => {
        const info = { statename: state, pid: 0 };
        if (state === "EXITED") state = "RUNNING";
        return info;
      },
      stopProcess: async () => {
        stops += 1;
        state = stops === 1 ? "EXITED" : "STOPPED";
        if (stops > 1) return;
        throw new AgentError({ reason: "supervisor-fault", method: "stopProcess", code: FAULT.NOT_RUNNING, text: "" });
      },
    };
    await stopProgram({ ...context, supervisor } as unknown as HostContext, { stopSeconds: 1 } as ProgramPlan);
    assert.equal(state, "STOPPED");
  });
});
