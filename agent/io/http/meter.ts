/**
 * Counts what clients would have noticed of a reload: asks the health URL at a steady rate, over fresh connections and
 * kept-alive ones in turn.
 *
 * - The schedule is open: a slow answer delays no other request, so a gap in service is met by as many requests as
 *   clients would have sent into it.
 * - Failed: refused, reset, cut, timed out, answered 5xx, or no HTTP.
 * - A kept-alive connection that the server closed between two answers is a reconnect, if the same request then succeeds
 *   on a fresh connection. Once a byte of the answer has come, or on a connection without an answer before, it failed.
 * - Every request is counted once, when its fate is known: before `mark` it is baseline, after it `during`. One that was
 *   sent before the flip and cut by it is `during`.
 * - Those that were on their way at `mark` are told once more by themselves: what became of calls that the old release had.
 * - It never throws and never keeps the agent alive by itself; `stop` waits for what is in flight, one timeout at most.
 */
import http from "node:http";
import type { Socket } from "node:net";
import type { CountedRequest } from "../../core/trace/timeline.ts";
import type { HttpHealth } from "../../wire/plan.ts";
import type { MeterCount } from "../../wire/report.ts";
import { fairTimeout } from "./fair-timeout.ts";
import { describeNetworkError, FRESH_CONNECTIONS, overSocket } from "./probe.ts";

/** Kept-alive connections. */
const LANES = 2;
/** Requests in flight, at most; beyond it none is sent (and those in flight are about to be counted as failed). */
const IN_FLIGHT_LIMIT = 256;
const TICK_MS = 5;
/** Kinds of failure that are told apart in the result. */
const REASON_LIMIT = 20;

export interface MeterResult {
  readonly baseline: MeterCount;
  readonly during: MeterCount;
  /** Of `during`: sent before `mark`. */
  readonly inFlight: { readonly sent: number; readonly failed: number };
  /** Why requests failed since `mark`, in a few words, the most frequent first. */
  readonly reasons: { readonly error: string; readonly count: number }[];
}

export interface Meter {
  /** End of the baseline: what ends from now on counts as `during`. */
  mark(): void;
  counts(): Pick<MeterResult, "baseline" | "during">;
  /** Ends the schedule and resolves when the last request has been counted. May be called again. */
  stop(): Promise<MeterResult>;
}

interface Tally {
  sent: number;
  failed: number;
  reconnects: number;
  slowestMs: number;
}

/** One kept-alive connection at a time, each with an agent of its own, so that no request waits for another. */
interface Lane {
  readonly agent: http.Agent;
  isBusy: boolean;
  /** The connection that waits, between two answers, for the next request. */
  idle: Socket | undefined;
  /** The server closed it while it waited. */
  isLost: boolean;
}

/** What became of one attempt. `stale`: the server had closed the kept-alive connection before it saw the request. */
type Outcome =
  | { readonly kind: "ok" }
  | { readonly kind: "stale" }
  | { readonly kind: "failed"; readonly error: string };

const emptyTally = (): Tally => ({ sent: 0, failed: 0, reconnects: 0, slowestMs: 0 });

/** `meterRate` requests a second until `stop`; 0 sends none. `tell`: of each request, when its fate is known. */
export function startMeter(health: HttpHealth, tell: (request: CountedRequest) => void = () => {}): Meter {
  const baseline = emptyTally();
  const during = emptyTally();
  const carried = { sent: 0, failed: 0 };
  const reasons = new Map<string, number>();
  const lanes = Array.from({ length: LANES }, openLane);
  const inFlight = new Set<Promise<void>>();
  const startedAt = performance.now();
  let isMarked = false;
  let scheduled = 0;

  const count = (outcome: Outcome, ms: number, hasReconnected: boolean, isCarried: boolean) => {
    if (isCarried) carried.sent++;
    if (isCarried && outcome.kind === "failed") carried.failed++;
    const tally = isMarked ? during : baseline;
    tally.sent++;
    tally.slowestMs = Math.max(tally.slowestMs, ms);
    if (hasReconnected && outcome.kind === "ok") tally.reconnects++;
    if (outcome.kind !== "failed") return;
    tally.failed++;
    if (isMarked && (reasons.has(outcome.error) || reasons.size < REASON_LIMIT)) {
      reasons.set(outcome.error, (reasons.get(outcome.error) ?? 0) + 1);
    }
  };
  const send = async (lane: Lane | undefined) => {
    const [at, wasMarked] = [performance.now(), isMarked];
    const { outcome, hasReconnected } =
      lane === undefined ? await sendFresh(health) : await sendKeptAlive(health, lane);
    const tookMs = performance.now() - at;
    count(outcome, tookMs, hasReconnected, isMarked && !wasMarked);
    tell({
      ...{ sentMs: at - startedAt, tookMs, isFresh: lane === undefined },
      hasReconnected: hasReconnected && outcome.kind === "ok",
      error: outcome.kind === "failed" ? outcome.error : undefined,
    });
  };
  const tick = () => {
    const due = Math.floor(((performance.now() - startedAt) * health.meterRate) / 1000);
    for (; scheduled < due; scheduled++) {
      if (inFlight.size >= IN_FLIGHT_LIMIT) continue;
      const sending = send(scheduled % 2 === 0 ? undefined : lanes.find((lane) => !lane.isBusy));
      inFlight.add(sending);
      void sending.finally(() => inFlight.delete(sending));
    }
  };
  const timer = setInterval(tick, TICK_MS);
  timer.unref();
  return {
    mark() {
      isMarked = true;
    },
    counts: () => ({ baseline: { ...baseline }, during: { ...during } }),
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      for (const lane of lanes) lane.agent.destroy();
      const sorted = [...reasons].map(([error, times]) => ({ error, count: times })).sort((a, b) => b.count - a.count);
      return { baseline: { ...baseline }, during: { ...during }, inFlight: { ...carried }, reasons: sorted };
    },
  };
}

function openLane(): Lane {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1, autoSelectFamily: true });
  return { agent, isBusy: false, idle: undefined, isLost: false };
}

interface Sent {
  readonly outcome: Exclude<Outcome, { kind: "stale" }>;
  readonly hasReconnected: boolean;
}

async function sendFresh(health: HttpHealth): Promise<Sent> {
  const outcome = await attempt(health, undefined);
  if (outcome.kind !== "stale") return { outcome, hasReconnected: false };
  return { outcome: { kind: "failed", error: "connection closed without an answer" }, hasReconnected: false };
}

async function sendKeptAlive(health: HttpHealth, lane: Lane): Promise<Sent> {
  lane.isBusy = true;
  const wasLost = lane.isLost;
  lane.isLost = false;
  lane.idle = undefined;
  const outcome = await attempt(health, lane);
  lane.isBusy = false;
  if (outcome.kind !== "stale") return { outcome, hasReconnected: wasLost };
  return { ...(await sendFresh(health)), hasReconnected: true };
}

/** One request, over the lane's connection or a fresh one. Never rejects. */
function attempt(health: HttpHealth, lane: Lane | undefined): Promise<Outcome> {
  return new Promise((resolve) => {
    let request: http.ClientRequest | undefined;
    let socket: Socket | undefined;
    let bytesBefore = 0;
    const finish = (outcome: Outcome) => {
      callOff();
      if (outcome.kind !== "ok") request?.destroy();
      resolve(outcome);
    };
    const late = () => finish({ kind: "failed", error: `no answer within ${health.requestTimeoutMs} ms` });
    const callOff = fairTimeout(health.requestTimeoutMs, late);
    const fail = (error: Error) => {
      const isUnanswered = socket !== undefined && socket.bytesRead === bytesBefore;
      const isStale = request?.reusedSocket === true && isUnanswered && isClosedByPeer(error);
      finish(isStale ? { kind: "stale" } : { kind: "failed", error: describeNetworkError(error) });
    };
    try {
      request = http.request(health.http, { agent: lane?.agent ?? FRESH_CONNECTIONS, ...overSocket(health) });
    } catch (error) {
      return fail(error instanceof Error ? error : new Error(String(error)));
    }
    request.on("error", fail).on("socket", (used) => {
      socket = used;
      bytesBefore = used.bytesRead;
      if (lane && request?.reusedSocket === false) watchWhileIdle(lane, used);
    });
    request.on("response", (response) => {
      const status = response.statusCode ?? 0;
      response.on("error", fail).on("end", () => {
        if (lane && isKept(response)) lane.idle = socket;
        finish(status < 500 ? { kind: "ok" } : { kind: "failed", error: `status ${status}` });
      });
      response.resume();
    });
    request.end();
  });
}

/** A closing that was announced in the answer is no surprise to a client, and not counted. */
function isKept(response: http.IncomingMessage): boolean {
  return response.httpVersion !== "1.0" && !/\bclose\b/i.test(response.headers.connection ?? "");
}

function watchWhileIdle(lane: Lane, socket: Socket): void {
  socket.once("close", () => {
    if (lane.idle !== socket) return;
    lane.idle = undefined;
    lane.isLost = true;
  });
}

/** FIN (Node's `socket hang up`, coded ECONNRESET too), RST, or a write into a connection that is gone. */
function isClosedByPeer(error: Error): boolean {
  return "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}
