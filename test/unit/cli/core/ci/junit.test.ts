import assert from "node:assert/strict";
import { test } from "node:test";
import { junitOf } from "../../../../../cli/core/ci/junit.ts";
import { emptyRecord, takeEvent } from "../../../../../cli/core/ci/record.ts";
import type { HostPhase } from "../../../../../cli/core/report/progress.ts";

const AT = "2026-11-20T10:00:00.123Z";

function recordOf(ends: readonly (readonly [phase: HostPhase, status: "done" | "failed"])[]) {
  const record = emptyRecord("deploy");
  takeEvent(record, { kind: "plan", verb: "deploy", hosts: ["web1"], phases: ["lock", "survey", "stage", "activate"] });
  for (const [phase, status] of ends) {
    takeEvent(record, { kind: "host-phase", host: "web1", phase, status: "start" });
    takeEvent(record, { kind: "host-phase", host: "web1", phase, status, ms: 1500, detail: "<x>" });
  }
  return record;
}

test("a phase that was passed over is not told, and one that was not reached is skipped", () => {
  const text = junitOf(
    recordOf([
      ["survey", "done"],
      ["stage", "failed"],
    ]),
    AT,
  );
  assert.doesNotMatch(text, /name="lock"/);
  assert.match(
    text,
    /<testsuite name="web1" tests="3" failures="1" errors="0" skipped="1" time="3.000" timestamp="2026-11-20T10:00:00">/,
  );
  assert.match(text, /name="survey" time="1.500"\/>/);
  assert.match(text, /name="stage" time="1.500">\s*<failure message="&lt;x&gt;"/);
  assert.match(text, /name="activate" time="0.000">\s*<skipped\/>/);
});

test("what failed on a host is told with the phase in which it failed", () => {
  const record = recordOf([
    ["survey", "done"],
    ["activate", "failed"],
  ]);
  record.failures.push({
    error: ["web1: crashed", "web2: else"],
    about: [{ hosts: ["web1"] }, { hosts: ["web2"] }],
    hints: [],
    exit: 7,
  });
  assert.match(
    junitOf(record, AT),
    /name="activate".*>\s*<failure message="web1: crashed" type="zdr">web1: crashed<\/failure>/,
  );
});

test("what a host did well and lost requests by has a case of its own", () => {
  const record = recordOf([["activate", "done"]]);
  record.failures.push({ error: ["web1: 3 requests failed"], about: [{ hosts: ["web1"] }], hints: [], exit: 9 });
  assert.match(junitOf(record, AT), /name="result" time="0.000">\s*<failure message="web1: 3 requests failed"/);
});

test("what failed before any host was asked is a suite of its own", () => {
  const record = emptyRecord("deploy");
  record.failures.push({ error: ["deploy.yml:1:1: \u0007 unknown key"], about: [{}], hints: [], exit: 2 });
  assert.match(
    junitOf(record, AT),
    /<testsuite name="zdr" .*\n.*name="deploy".*\n\s*<failure message="deploy.yml:1:1: \\x07 unknown key"/,
  );
});
