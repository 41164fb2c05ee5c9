/**
 * Load for tests, from a process of its own: many more requests than the product's meter, and none of its code, so that
 * a mistake there is not repeated here. The rules are the same: refused, reset, cut, timed out, no HTTP or 5xx failed; a
 * kept-alive connection that the server closed between two answers is a reconnect if the request then succeeds on a
 * fresh one.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface LoadOptions {
  /** `http://127.0.0.1:port/path?query`; `{n}` in the query stands for the number of the request. */
  readonly url: string;
  /** A unix socket over which it is asked, whatever host it names. */
  readonly socketPath?: string;
  /** Requests a second, each on a connection of its own. */
  readonly freshPerSecond: number;
  /** To begin with: a request that is due while all of them wait for answers opens one more. */
  readonly keepAliveConnections: number;
  /**
   * Requests of each kind that wait for answers, at most; default 256. Beyond it those that are due wait for their turn:
   * on a machine that is busy with other things they would only pile up.
   */
  readonly inFlightLimit?: number;
  /** Requests a second over all kept-alive connections together. */
  readonly ratePerSecond: number;
  /** Of one request; default 10 s. */
  readonly timeoutMs?: number;
}

export interface LoadRequest {
  /** From 0 on, in the order in which they were sent. */
  readonly number: number;
  /** Moments as `monotonicMs` tells them, in every process of this machine. */
  readonly sentAt: number;
  readonly doneAt: number;
  readonly kind: "fresh" | "kept-alive";
  readonly outcome: "ok" | "failed";
  /** Sent again on a fresh connection, because the kept-alive one had been closed. */
  readonly hasReconnected: boolean;
  readonly status: number | undefined;
  /** Header X-Release, or the trimmed body where that is short. */
  readonly release: string | undefined;
  readonly error: string | undefined;
}

export interface LoadCounts {
  readonly sent: number;
  readonly failed: number;
  readonly reconnects: number;
}

export interface LoadResult extends LoadCounts {
  readonly slowestMs: number;
  /** How many requests each release answered. */
  readonly releases: Readonly<Record<string, number>>;
  /** In the order in which they were done. */
  readonly requests: readonly LoadRequest[];
}

/** What the process is told. `more`: to say when so many of each kind have been sent from now on, and are done. */
export type LoadOrder = { readonly kind: "more"; readonly each: number } | { readonly kind: "stop" };

/** What the process says: as it goes, and at the end. */
export type LoadMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly counts: LoadCounts }
  | { readonly kind: "more" }
  | { readonly kind: "end"; readonly requests: readonly LoadRequest[] };

export interface Load {
  readonly pid: number;
  /** Some 20 ms old. */
  counts(): LoadCounts;
  /** Resolves once so many requests are done; rejects when the generator has ended before. */
  reached(requests: number): Promise<void>;
  /** Resolves once so many requests of each kind are done that were sent after this call. One call at a time. */
  more(each: number): Promise<void>;
  /** Waits for what is in flight; ends the process. */
  stop(): Promise<LoadResult>;
}

/** CLOCK_MONOTONIC: the same in all processes of the machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves when the first request is due. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const worker = fork(fileURLToPath(new URL("../drivers/load-worker.ts", import.meta.url)), [JSON.stringify(options)], {
    serialization: "advanced",
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = once(worker, "exit");
  let counts: LoadCounts = { sent: 0, failed: 0, reconnects: 0 };
  const waiting: { requests: number; resolve: () => void }[] = [];
  const end = new Promise<Extract<LoadMessage, { kind: "end" }>>((resolve, reject) => {
    worker.on("message", (message: LoadMessage) => {
      if (message.kind === "end") resolve(message);
      if (message.kind !== "progress") return;
      counts = message.counts;
      for (const waiter of waiting) if (waiter.requests <= counts.sent) waiter.resolve();
    });
    // Comes after the last message, which the exit need not.
    worker.on("disconnect", () => reject(new Error("the load generator has ended")));
  });
  end.catch(() => {});
  await Promise.race([once(worker, "message"), end]);
  // It may be on its way out already (stop is called twice where a test failed): that it can not hear is no failure.
  const tell = (order: LoadOrder) => worker.connected && worker.send(order, () => {});
  return {
    pid: worker.pid ?? 0,
    counts: () => counts,
    async reached(requests) {
      const there = new Promise<void>((resolve) => waiting.push({ requests, resolve }));
      if (counts.sent < requests) await Promise.race([there, end]);
    },
    async more(each) {
      const there = new Promise<void>((resolve) => {
        const hear = (message: LoadMessage) => {
          if (message.kind !== "more") return;
          worker.off("message", hear);
          resolve();
        };
        worker.on("message", hear);
      });
      tell({ kind: "more", each });
      await Promise.race([there, end]);
    },
    async stop() {
      tell({ kind: "stop" });
      const { requests } = await end;
      await exited;
      return summarize(requests);
    },
  };
}

function summarize(requests: readonly LoadRequest[]): LoadResult {
  const releases: Record<string, number> = {};
  for (const { release, outcome } of requests) {
    if (outcome === "ok" && release !== undefined) releases[release] = (releases[release] ?? 0) + 1;
  }
  return {
    sent: requests.length,
    failed: requests.filter((request) => request.outcome === "failed").length,
    reconnects: requests.filter((request) => request.hasReconnected && request.outcome === "ok").length,
    slowestMs: requests.reduce((slowest, { sentAt, doneAt }) => Math.max(slowest, doneAt - sentAt), 0),
    releases,
    requests,
  };
}
