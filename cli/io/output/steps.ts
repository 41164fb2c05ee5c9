/**
 * The bridge from events, which come when they like, to a tree of tasks, each of which is a promise that ends.
 * One step for each host and phase of the plan. A phase that is passed over is skipped; after a failure the rest is; a
 * phase that has begun when the tree ends was interrupted. A phase that was not planned, as `soak` between the steps of a
 * rollout, is told at the one that waits. Events of hosts that were not planned change nothing.
 *
 *   waiting ──start──► begun ──done──► done
 *      │                 └──failed | end──► failed
 *      └──a later phase starts | end──► skipped
 */
import { agentLine, phaseLine, uploadLine } from "../../core/report/event-lines.ts";
import type { HostPhase, ProgressEvent } from "../../core/report/progress.ts";
import { sanitize } from "../../core/report/sanitize.ts";

type StepEnd = "done" | "skipped" | "failed";

export interface Step {
  readonly phase: HostPhase;
  readonly ended: Promise<StepEnd>;
  title: string;
  /** False: its turn has not come, though the one before it has ended (its batch waits). */
  hasBegun: boolean;
  /** What goes on inside of it just now; empty: nothing to tell. */
  output: string;
  /** Told after each change, once somebody shows the step. */
  changed?: () => void;
}

export interface HostSteps {
  readonly host: string;
  readonly steps: readonly Step[];
}

export interface Steps {
  readonly hosts: readonly HostSteps[];
  report(event: ProgressEvent): void;
  /** Ends every step that has not ended, so that the tree ends too. */
  end(): void;
}

interface LiveStep extends Step {
  state: "waiting" | "begun" | StepEnd;
  startedMs: number;
  shownMs: number;
  settle(end: StepEnd): void;
}

/** A title is drawn anew at most this often while bytes are sent. */
const UPLOAD_REDRAW_MS = 100;

type PlanEvent = Extract<ProgressEvent, { kind: "plan" }>;

export function growTree({ hosts, phases }: PlanEvent): Steps {
  const live = new Map([...new Set(hosts)].map((host) => [host, phases.map(liveStep)]));
  return {
    hosts: [...live].map(([host, steps]) => ({ host, steps })),
    report(event) {
      if (event.kind === "plan" || event.kind === "config" || event.kind === "warning") return;
      if (event.kind === "note") {
        // Also printed when the tree has gone; but whoever pressed Ctrl-C wants to know now.
        for (const [host, own] of live) {
          if (event.host === undefined || event.host === host) show(own.findLast(isBegun), { output: event.text });
        }
        return;
      }
      const steps = live.get(event.host);
      if (steps === undefined) return;
      if (event.kind === "host-phase") reportPhase(steps, event);
      else if (event.kind === "upload") reportUpload(steps, event.sentBytes, event.totalBytes);
      else if (event.event.event !== "warning") show(steps.findLast(isBegun), { output: agentLine(event.event) });
    },
    end() {
      for (const step of [...live.values()].flat()) {
        if (isBegun(step)) finish(step, "failed", `${step.phase}: interrupted`);
        if (step.state === "waiting") finish(step, "skipped");
      }
    },
  };
}

function liveStep(phase: HostPhase): LiveStep {
  let settle: (end: StepEnd) => void = () => {};
  const ended = new Promise<StepEnd>((resolve) => {
    settle = resolve;
  });
  return {
    phase,
    ended,
    settle,
    title: phase,
    hasBegun: false,
    output: "",
    state: "waiting",
    startedMs: 0,
    shownMs: 0,
  };
}

function reportPhase(steps: readonly LiveStep[], event: Extract<ProgressEvent, { kind: "host-phase" }>): void {
  const index = steps.findIndex(({ phase }) => phase === event.phase);
  const step = steps[index];
  if (step === undefined) {
    show(steps.find(isNext), { output: phaseLine(event) });
    return;
  }
  for (const earlier of steps.slice(0, index)) if (earlier.state === "waiting") finish(earlier, "skipped");
  if (event.status !== "start") {
    finish(step, event.status, phaseLine(event).replace(`${event.phase} ${event.status}`, event.phase));
    return;
  }
  if (step.state !== "waiting") return;
  step.state = "begun";
  step.hasBegun = true;
  step.startedMs = performance.now();
  show(step, { title: phaseLine(event) });
}

function reportUpload(steps: readonly LiveStep[], sentBytes: number, totalBytes: number): void {
  const step = steps.findLast(isBegun);
  if (step === undefined) return;
  const now = performance.now();
  if (now - step.shownMs < UPLOAD_REDRAW_MS && sentBytes < totalBytes) return;
  step.shownMs = now;
  show(step, { title: uploadLine(step.phase, sentBytes, totalBytes, now - step.startedMs) });
}

function isBegun(step: LiveStep): boolean {
  return step.state === "begun";
}

function isNext({ state }: LiveStep): boolean {
  return state === "begun" || state === "waiting";
}

function finish(step: LiveStep, end: StepEnd, title = step.title): void {
  if (step.state !== "waiting" && step.state !== "begun") return;
  step.state = end;
  show(step, { title });
  step.settle(end);
}

function show(step: LiveStep | undefined, { title, output }: { title?: string; output?: string }): void {
  if (step === undefined) return;
  if (title !== undefined) step.title = sanitize(title);
  if (output !== undefined) step.output = sanitize(output);
  step.changed?.();
}
