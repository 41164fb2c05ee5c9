import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFreeze, describeFreezes, describeHolder } from "../../../../../cli/core/report/describe-freeze.ts";

const FREEZE = {
  by: { user: "ann", host: "laptop" },
  why: "freeze until Monday",
  since: "2026-11-20T10:39:12.345Z",
  until: "2026-11-30T07:00:00.000Z",
};
const { until: _, ...ENDLESS } = FREEZE;

test("each host that is locked says since when, until when, by whom and why", () => {
  assert.equal(
    describeFreezes([
      { host: "web1", freeze: FREEZE },
      { host: "web2", freeze: ENDLESS },
    ]),
    "host             since                 until                 by          why\n" +
      "web1  is locked  2026-11-20 10:39:12Z  2026-11-30 07:00:00Z  ann@laptop  freeze until Monday\n" +
      "web2  is locked  2026-11-20 10:39:12Z  zdr unlock            ann@laptop  freeze until Monday\n",
  );
});

test("who comes upon it is told the same in a sentence", () => {
  const start = "locked by ann@laptop since 2026-11-20 10:39:12Z";
  assert.equal(describeFreeze(FREEZE), `${start} until 2026-11-30 07:00:00Z: freeze until Monday`);
  assert.equal(describeFreeze(ENDLESS), `${start} until somebody unlocks it: freeze until Monday`);
});

test("who is at work when it is locked is said to go on", () => {
  const { by, since } = FREEZE;
  assert.equal(
    describeHolder({ by, since, why: "deploy v2", pid: 1 }),
    "ann@laptop is at work since 2026-11-20 10:39:12Z (deploy v2), and goes on to the end",
  );
});
