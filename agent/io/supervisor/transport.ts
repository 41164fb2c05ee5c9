/**
 * One POST to supervisord's HTTP server.
 *
 * - Every call has a connection of its own. supervisord answers on a kept one before it reaps, and then calls a dead
 *   process RUNNING; and after its restart a kept one is dead.
 * - It waits a bounded time for the connection and a bounded time for the whole answer: a stopped supervisord accepts
 *   and says nothing for ever.
 * - It speaks HTTP/1.0, so that nothing answers in chunks; on `net`, which loads in two thirds of the time of `http`.
 */
import type { Socket } from "node:net";
import { connect } from "node:net";
import { AgentError } from "../../core/failure.ts";
import { configToName } from "../../core/supervisor/ctl.ts";
import { userName } from "../files.ts";
import { Answer, type HttpAnswer } from "./answer.ts";
import type { ResolvedAddress } from "./supervisor-discovery.ts";

/** Until the socket is open. On the host itself this takes no time, or for ever. */
const CONNECT_TIMEOUT_MS = 5_000;
/** From there to the last byte of the answer. An idle supervisord turns its loop once a second. */
const ANSWER_TIMEOUT_MS = 20_000;
export interface SupervisorTimeouts {
  readonly connectMs: number;
  readonly answerMs: number;
}
export const SUPERVISOR_TIMEOUTS: SupervisorTimeouts = { connectMs: CONNECT_TIMEOUT_MS, answerMs: ANSWER_TIMEOUT_MS };

/** The answer, whatever its status. Rejects with AgentError: supervisor-not-running, -not-permitted, -silent, -answer. */
export function post(address: ResolvedAddress, body: string, timeouts: SupervisorTimeouts): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(address);
    const answer = new Answer();
    let timer = setTimeout(() => fail(silent(address, timeouts.connectMs)), timeouts.connectMs);
    const close = () => {
      clearTimeout(timer);
      socket.destroy();
    };
    const fail = (error: unknown) => {
      close();
      reject(error);
    };
    const finish = () => {
      close();
      resolve(answer.read());
    };
    socket.once("connect", () => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(silent(address, timeouts.answerMs)), timeouts.answerMs);
      // Not end(): supervisord takes a half-closed connection for a closed one.
      socket.write(requestText(address, body));
    });
    socket.on("data", (chunk: Buffer) => {
      const problem = answer.take(chunk);
      if (problem !== undefined) fail(badAnswer(address, problem));
      else if (answer.isWhole(false)) finish();
    });
    socket.once("end", () => {
      if (answer.isWhole(true)) finish();
      else fail(answer.isEmpty ? notRunning(address, "ECONNRESET") : badAnswer(address, "the answer was cut short"));
    });
    socket.once("error", (error: NodeJS.ErrnoException) => fail(socketFailure(address, error, timeouts)));
  });
}

function openSocket(address: ResolvedAddress): Socket {
  if (address.kind === "unix") return connect({ path: address.path });
  // supervisord listens on IPv4 alone; Node 18 would try only the first address of `localhost`, often ::1.
  return connect({ host: address.host, port: address.port, family: 4, noDelay: true });
}

function requestText(address: ResolvedAddress, body: string): string {
  const lines = [
    "POST /RPC2 HTTP/1.0",
    "Host: localhost",
    "Content-Type: text/xml",
    "Accept: text/xml",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  // As supervisorctl: one of the two alone is not sent (xmlrpc.py, SupervisorTransport.request).
  if (address.username !== undefined && address.password !== undefined) {
    const credentials = Buffer.from(`${address.username}:${address.password.reveal()}`).toString("base64");
    lines.push(`Authorization: Basic ${credentials}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

function silent(address: ResolvedAddress, timeoutMs: number): AgentError {
  return new AgentError({ reason: "supervisor-silent", url: address.url, timeoutMs });
}

function notRunning(address: ResolvedAddress, code: string, cause?: unknown): AgentError {
  const config = configToName(address.configPath);
  const about = { url: address.url, code, ...(config === undefined ? {} : { config }) };
  return new AgentError({ reason: "supervisor-not-running", ...about }, cause);
}

function badAnswer(address: ResolvedAddress, detail: string): AgentError {
  return new AgentError({ reason: "supervisor-answer", url: address.url, detail });
}

function socketFailure(
  address: ResolvedAddress,
  error: NodeJS.ErrnoException,
  timeouts: SupervisorTimeouts,
): AgentError {
  switch (error.code) {
    case "EACCES":
    case "EPERM":
      return new AgentError({ reason: "supervisor-not-permitted", url: address.url, user: userName() }, error);
    // The queue of a unix socket is full: it is there, and accepts nobody.
    case "EAGAIN":
      return silent(address, timeouts.connectMs);
    default:
      // Nothing names a supervisord here and nobody answers at the built-in address: then there is none.
      if (address.searched !== undefined) {
        return new AgentError({ reason: "supervisor-not-found", searched: [...address.searched] }, error);
      }
      return notRunning(address, error.code ?? "unknown", error);
  }
}
