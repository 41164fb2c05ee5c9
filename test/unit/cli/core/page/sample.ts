/** A deploy as ledgers and traces tell it, for tests of what a report makes of it. */
import type { HistoryEntry } from "../../../../../agent/wire/history.ts";
import type { ActivationTrace } from "../../../../../agent/wire/trace/trace.ts";
import type { ReportFacts } from "../../../../../cli/core/page/facts.ts";

const FLIP = Date.parse("2026-11-20T10:00:01.000Z");

export function entryOf(more: Partial<HistoryEntry> = {}): HistoryEntry {
  return {
    ...{ tag: "v2", activation: "a1", what: "deploy", ended: "kept", at: "2026-11-20T10:00:00.000Z", from: "v1" },
    by: { user: "ann", host: "laptop", run: "https://ci.example/1", command: "3f2a91c0" },
    phases: { receive: 200, preflight: 100, baseline: 200, ready: 100, watch: 900 },
    spans: [
      { phase: "receive", at: FLIP - 900, ms: 200 },
      { phase: "preflight", at: FLIP - 300, ms: 100 },
      { phase: "baseline", at: FLIP - 200, ms: 200 },
      { phase: "ready", at: FLIP, ms: 100 },
      { phase: "watch", at: FLIP + 100, ms: 900 },
    ],
    ...{ proof: "processes", evidence: ["shop: pid 7 executes it"] },
    programs: [
      {
        ...{ name: "shop", action: "reload", readyMs: 62, oldGoneMs: 310, draining: 0, proof: "processes" },
        meter: { baseline: countOf(10, 0), during: countOf(1204, 0) },
      },
    ],
    ...more,
  };
}

export const countOf = (sent: number, failed: number) => ({ sent, failed, reconnects: 0, slowestMs: 12.3 });

export function traceOf(): ActivationTrace {
  const buckets = 24;
  const column = (value: (index: number) => number) => Array.from({ length: buckets }, (_, index) => value(index));
  return {
    ...{ activation: "a1", flippedAt: new Date(FLIP).toISOString() },
    report: {
      ...{ outcome: "kept", tag: "v2", previous: "v1", flipToDoneMs: 1000, warnings: [], log: [] },
      programs: [
        {
          ...{ name: "shop", process: "shop", action: "reload", draining: 0, proof: "processes", evidence: [] },
          before: { release: "v1", pid: 7, state: "RUNNING" },
          after: { release: "v2", pid: 7, state: "RUNNING" },
          meter: { baseline: countOf(10, 0), during: countOf(1204, 0), inFlight: { sent: 2, failed: 0 } },
        },
      ],
    },
    moments: [
      { atMs: 0, what: "flip" },
      { atMs: 20, what: "signal USR2", program: "shop", pid: 7 },
      { atMs: 80, what: "ready", program: "shop", pid: 7 },
      { atMs: 310, what: "drained", program: "shop" },
      { atMs: 1000, what: "kept" },
    ],
    meters: [
      {
        ...{ program: "shop", fromMs: -200, widthMs: 50, markedMs: 0 },
        ...{ sent: column(() => 3), failed: column((index) => (index === 5 ? 2 : 0)), fresh: column(() => 2) },
        ...{
          reconnects: column(() => 0),
          halfMs: column(() => 2),
          mostMs: column(() => 4),
          slowestMs: column((n) => n + 1),
        },
        ...{ errors: ["connect ECONNREFUSED 127.0.0.1:8080"], failures: [[5, 0, 2]] },
      },
    ],
  };
}

export function factsOf(more: Partial<ReportFacts> = {}): ReportFacts {
  return {
    ...{ project: "shop", id: "3f2a91c0", madeAt: "2026-11-20T11:00:00.000Z", silent: [] },
    hosts: [{ host: "web1", parts: [{ entry: entryOf(), trace: traceOf(), told: undefined }] }],
    ...more,
  };
}
