import assert from "node:assert/strict";
import { test } from "node:test";
import { eventLine, uploadLine, uploadQuarter } from "../../../../../cli/core/report/event-lines.ts";
import { failureLines } from "../../../../../cli/core/report/failure-report.ts";
import type { ProgressEvent } from "../../../../../cli/core/report/progress.ts";

/** One of each: a new kind of event does not compile without a row here. */
const LINES: { [Kind in ProgressEvent["kind"]]: [Extract<ProgressEvent, { kind: Kind }>, string | undefined] } = {
  config: [{ kind: "config", hosts: {}, programs: {} }, undefined],
  plan: [
    { kind: "plan", verb: "deploy", hosts: ["web-1", "web-2"], phases: ["connect"] },
    "deploy: 2 hosts: web-1, web-2",
  ],
  "host-phase": [
    { kind: "host-phase", host: "web-1", phase: "survey", status: "done", detail: "2 programs", ms: 120 },
    "web-1: survey done (120 ms): 2 programs",
  ],
  upload: [{ kind: "upload", host: "web-1", sentBytes: 1, totalBytes: 2 }, undefined],
  agent: [
    {
      kind: "agent",
      host: "web-1",
      event: { event: "program", program: "shop", did: "ready", pid: 4712, release: "v1.2", atMs: 480 },
    },
    "web-1: shop: ready (pid 4712, v1.2) at 480 ms",
  ],
  note: [{ kind: "note", text: "nothing to do" }, "nothing to do"],
  warning: [{ kind: "warning", host: "web-1", text: "disk nearly full" }, "zdr: warning: web-1: disk nearly full"],
};

for (const [kind, [event, line]] of Object.entries(LINES)) {
  test(`an event of kind ${kind} has its line`, () => assert.equal(eventLine(event), line));
}

test("a phase that starts says no more than its name, and one that failed says why", () => {
  const phase = { kind: "host-phase", host: "a", phase: "activate" } as const;
  assert.equal(eventLine({ ...phase, status: "start" }), "a: activate");
  assert.equal(eventLine({ ...phase, status: "failed", detail: "unhealthy" }), "a: activate failed: unhealthy");
});

test("what the agent warns of is a warning like any other", () => {
  const line = eventLine({ kind: "agent", host: "a", event: { event: "warning", text: "x" } });
  assert.equal(line, "zdr: warning: a: x");
});

test("a phase of the agent and a program without a process are told without holes", () => {
  assert.equal(
    eventLine({ kind: "agent", host: "a", event: { event: "phase", phase: "verify", detail: "" } }),
    "a: verify",
  );
  assert.equal(
    eventLine({
      kind: "agent",
      host: "a",
      event: { event: "program", program: "shop", did: "stopped", pid: 0, atMs: 5 },
    }),
    "a: shop: stopped at 5 ms",
  );
});

test("only a long upload is worth a line, once for each quarter, and its end is told by the phase", () => {
  assert.deepEqual(
    [0, 8e6, 9e6, 16e6, 31e6, 32e6].map((sent) => uploadQuarter(sent, 32e6)),
    [0, 1, 1, 2, 3, 0],
  );
  assert.equal(uploadQuarter(1e6, 2e6), 0);
  assert.equal(uploadLine("upload", 12.3e6, 34e6, 1000), "upload: 12.3 MB of 34.0 MB, 12.3 MB/s");
});

test("a failure is printed as what, state, log and hint, and nothing of a host is obeyed", () => {
  const lines = failureLines({ error: ["a: x\ny"], state: ["s"], log: ["\x1b[2J"], hints: ["h"], exit: 7 });
  assert.deepEqual(lines, ["zdr: error: a: x\\ny", "zdr: state: s", "zdr: log:   \\x1b[2J", "zdr: hint:  h"]);
});
