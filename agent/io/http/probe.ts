/**
 * One health request, and waiting until one is answered well.
 *
 * Each request takes a connection of its own: a kept-alive one may still lead to the old release. Redirects are not
 * followed; a status is all that counts.
 */
import http from "node:http";
import type { HttpHealth } from "../../wire/plan.ts";
import { errnoOf } from "../files.ts";
import { fairTimeout } from "./fair-timeout.ts";

/** Bytes of a body that are read to its end; a longer one is cut off and its status believed. */
const BODY_LIMIT = 1024 * 1024;

/**
 * A connection for each request. `localhost` means ::1 and 127.0.0.1: both are tried, which Node 18 does not by itself.
 */
export const FRESH_CONNECTIONS = new http.Agent({ keepAlive: false, autoSelectFamily: true });

/** Options of a request: the unix socket to ask over, where there is one. */
export function overSocket({ socketPath }: HttpHealth): { readonly socketPath?: string } {
  return socketPath === undefined ? {} : { socketPath };
}

export interface ProbeResult {
  readonly ok: boolean;
  readonly status?: number;
  /** In a few words, as an operator reads them: `connect ECONNREFUSED 127.0.0.1:8080`, `no answer within 2000 ms`. */
  readonly error?: string;
  /** Nobody was there to hear it: no connection came about. */
  readonly isRefused?: true;
  readonly ms: number;
}

/** Never throws: whatever goes wrong is in the result. */
export function probeOnce(health: HttpHealth, abort?: AbortSignal): Promise<ProbeResult> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    let request: http.ClientRequest | undefined;
    let isConnected = false;
    const finish = (result: Omit<ProbeResult, "ms">) => {
      callOff();
      abort?.removeEventListener("abort", stop);
      request?.destroy();
      resolve({ ...result, ms: performance.now() - startedAt });
    };
    const stop = () => finish({ ok: false, error: "interrupted" });
    const late = () => finish({ ok: false, error: `no answer within ${health.requestTimeoutMs} ms` });
    const fail = (error: Error) => {
      finish({ ok: false, error: describeNetworkError(error), ...(isConnected ? {} : { isRefused: true }) });
    };
    const callOff = fairTimeout(health.requestTimeoutMs, late);
    if (abort?.aborted) return stop();
    abort?.addEventListener("abort", stop);
    try {
      request = http.request(health.http, { agent: FRESH_CONNECTIONS, ...overSocket(health) });
    } catch (error) {
      return fail(error instanceof Error ? error : new Error(String(error)));
    }
    request.on("socket", (socket) => {
      socket.on("connect", () => {
        isConnected = true;
      });
    });
    request.on("error", fail).on("response", (response) => {
      const done = () => finish(judge(response.statusCode ?? 0, health));
      let bytes = 0;
      response.on("error", fail).on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > BODY_LIMIT) done();
      });
      response.on("end", done);
    });
    request.end();
  });
}

/** An empty list of statuses accepts 200 to 399. */
export function isAccepted(status: number, accepted: readonly number[]): boolean {
  return accepted.length === 0 ? status >= 200 && status <= 399 : accepted.includes(status);
}

function judge(status: number, health: HttpHealth): Omit<ProbeResult, "ms"> {
  return isAccepted(status, health.status) ? { ok: true, status } : { ok: false, status, error: `status ${status}` };
}

/** A name that resolves to several addresses fails with one error for each. */
export function describeNetworkError(error: Error): string {
  const [first] = error instanceof AggregateError ? error.errors : [];
  const cause = first instanceof Error ? first : error;
  const code = errnoOf(cause) ?? ("code" in cause ? String(cause.code) : "");
  if (code.startsWith("HPE_")) return `no HTTP answer (${code})`;
  if (cause.message === "socket hang up") return "connection closed without an answer";
  if (cause.message === "aborted") return "answer cut";
  return cause.message === "" ? code : cause.message;
}
