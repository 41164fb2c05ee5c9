import assert from "node:assert/strict";
import { test } from "node:test";
import { workerFindings } from "../../../../../agent/core/lint/members.ts";
import { programPlan } from "../../../../support/fixtures/plans.ts";

const listen = [{ host: "127.0.0.1", port: 8080 }];
const view = (pid: number, supervised: boolean) => ({
  ...{
    pid,
    startTicks: 1,
    supervised,
    isChild: !supervised,
    accepts: true,
    holds: true,
    release: "v1",
    releaseBy: "exe" as const,
  },
  ...{ throughCurrent: true, denied: false },
});

test("a member whose child accepts on supervisord's socket is not deployed: supervisord would end with it", () => {
  const processes = [view(1, true), view(2, false)];
  const [finding, ...rest] = workerFindings(programPlan("rolling", { listen }), processes);
  assert.deepEqual([finding?.level, finding?.rule, rest.length], ["refuse", "fcgi-workers", 0]);
  assert.match(finding?.text ?? "", /pid 2/);
  assert.deepEqual(workerFindings(programPlan("rolling", { listen }), processes.slice(0, 1)), []);
});

test("with sockets of their own, members may have workers", () => {
  assert.deepEqual(workerFindings(programPlan("rolling"), [view(1, true), view(2, false)]), []);
});
