import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSlowest, slowestOf } from "../../../../../cli/core/fleet/slowest.ts";

const host = (name: string, stage: number, activate: number) => ({
  name,
  times: [
    { phase: "stage", ms: stage },
    { phase: "activate", ms: activate },
  ] as const,
});

test("the slowest host is the one whose phases took longest together, told with the longest of them", () => {
  const slowest = slowestOf([host("web1", 900, 900), host("web2", 1200, 700), host("web3", 10, 1500)]);
  assert.deepEqual(slowest, { host: "web2", ms: 1900, phase: "stage", phaseMs: 1200 });
  assert.equal(slowest && describeSlowest(slowest), "slowest: web2, 1.9 s, of which stage took 1.2 s");
});

test("a phase that a host goes through more than once counts with all its times", () => {
  const soaks = [900, 400, 400].map((ms) => ({ phase: "soak", ms }) as const);
  const watched = { name: "web1", times: [{ phase: "activate", ms: 1000 }, ...soaks] } as const;
  assert.deepEqual(slowestOf([watched, host("web2", 1, 1)]), { host: "web1", ms: 2700, phase: "soak", phaseMs: 1700 });
});

test("of one host, and of hosts that nothing was done on, none is the slowest", () => {
  assert.equal(slowestOf([host("web1", 1, 1)]), undefined);
  assert.equal(
    slowestOf([
      { name: "web1", times: [] },
      { name: "web2", times: [] },
    ]),
    undefined,
  );
});
