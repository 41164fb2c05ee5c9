import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SUPERVISOR_RETURN_MS, whenSupervised } from "../../../../agent/activation/supervised.ts";
import type { HostContext } from "../../../../agent/context.ts";
import { AgentError } from "../../../../agent/core/failure.ts";

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
