import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostPhase, ProgressEvent } from "../../../../../cli/core/report/progress.ts";
import { growTree, type Steps } from "../../../../../cli/io/output/steps.ts";

const grow = () =>
  growTree({
    kind: "plan",
    verb: "deploy",
    hosts: ["web-1", "web-2"],
    phases: ["connect", "survey", "upload", "activate", "settle"],
  });
const phase = (host: string, name: HostPhase, status: "start" | "done" | "failed", detail?: string): ProgressEvent => ({
  kind: "host-phase",
  host,
  phase: name,
  status,
  detail,
});
const titles = (steps: Steps, host = 0) => steps.hosts[host]?.steps.map(({ title }) => title);
const ends = (steps: Steps, host = 0) => Promise.all(steps.hosts[host]?.steps.map(({ ended }) => ended) ?? []);

test("a phase that is passed over is skipped", async () => {
  const steps = grow();
  for (const name of ["connect", "survey", "activate"] as const) {
    steps.report(phase("web-1", name, "start"));
    steps.report(phase("web-1", name, "done"));
  }
  steps.end();
  assert.deepEqual(await ends(steps), ["done", "done", "skipped", "done", "skipped"]);
});

test("what had begun when the tree ends was interrupted, and what had not is skipped", async () => {
  const steps = grow();
  steps.report(phase("web-2", "connect", "start"));
  steps.end();
  assert.deepEqual(await ends(steps, 1), ["failed", "skipped", "skipped", "skipped", "skipped"]);
  assert.equal(titles(steps, 1)?.[0], "connect: interrupted");
  assert.deepEqual(await ends(steps, 0), ["skipped", "skipped", "skipped", "skipped", "skipped"]);
});

test("a phase after a failed one is still shown", async () => {
  const steps = grow();
  steps.report(phase("web-1", "activate", "start"));
  steps.report(phase("web-1", "activate", "failed", "unhealthy"));
  steps.report(phase("web-1", "settle", "start"));
  steps.report(phase("web-1", "settle", "done"));
  steps.end();
  assert.deepEqual(await ends(steps), ["skipped", "skipped", "skipped", "failed", "done"]);
  assert.equal(titles(steps)?.[3], "activate: unhealthy");
});

test("the end of a phase is told once, whatever comes later", async () => {
  const steps = grow();
  steps.report(phase("web-1", "connect", "failed", "refused"));
  steps.report(phase("web-1", "connect", "done"));
  steps.report(phase("web-1", "connect", "start"));
  steps.end();
  assert.equal((await ends(steps))[0], "failed");
  assert.equal(titles(steps)?.[0], "connect: refused");
});

test("bytes and agent events are shown in the phase that goes on", () => {
  const steps = grow();
  steps.report(phase("web-1", "upload", "start"));
  steps.report({ kind: "upload", host: "web-1", sentBytes: 34e6, totalBytes: 34e6 });
  assert.match(titles(steps)?.[2] ?? "", /^upload: 34\.0 MB of 34\.0 MB/);
  steps.report(phase("web-1", "upload", "done"));
  steps.report(phase("web-1", "activate", "start"));
  steps.report({ kind: "agent", host: "web-1", event: { event: "phase", phase: "verify\x1b", detail: "" } });
  assert.equal(steps.hosts[0]?.steps[3]?.output, "verify\\x1b");
});

test("events of hosts and phases that nobody planned change nothing", () => {
  const steps = grow();
  const before = titles(steps);
  steps.report(phase("db-1", "connect", "start"));
  steps.report(phase("web-1", "control", "start"));
  steps.report({ kind: "upload", host: "web-1", sentBytes: 1, totalBytes: 2 });
  steps.report({ kind: "note", text: "x" });
  assert.deepEqual(titles(steps), before);
});

test("whoever shows a step is told of each change", () => {
  const steps = grow();
  const step = steps.hosts[0]?.steps[0];
  assert.ok(step !== undefined);
  const seen: string[] = [];
  step.changed = () => seen.push(step.title);
  steps.report(phase("web-1", "connect", "start"));
  steps.report(phase("web-1", "connect", "done", "web1:22"));
  assert.deepEqual(seen, ["connect", "connect: web1:22"]);
});

test("a phase that was not planned is told at the one that waits for its turn", () => {
  const steps = grow();
  steps.report(phase("web-1", "activate", "start"));
  steps.report(phase("web-1", "activate", "done"));
  steps.report(phase("web-1", "soak", "start"));
  assert.equal(steps.hosts[0]?.steps[4]?.output, "soak");
  steps.report(phase("web-1", "soak", "done", "well for 3 s"));
  assert.equal(steps.hosts[0]?.steps[4]?.output, "soak done: well for 3 s");
  assert.deepEqual(titles(steps), ["connect", "survey", "upload", "activate", "settle"]);
  steps.end();
});
