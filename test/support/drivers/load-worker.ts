/** The process behind load.ts. Bare sockets and a small HTTP reader: what node:http hides would be hidden from tests. */
import { connect, type Socket } from "node:net";
import { type LoadMessage, type LoadOptions, type LoadOrder, type LoadRequest, monotonicMs } from "../load/load.ts";

const options: LoadOptions = JSON.parse(process.argv[2] ?? "{}");
const { timeoutMs = 10_000, inFlightLimit = 256, socketPath } = options;
const url = new URL(options.url);
const port = Number(url.port || 80);
const host = url.hostname.replace(/^\[|\]$/g, "");
const requestText = (number: number, connection: "close" | "keep-alive") =>
  `GET ${url.pathname}${url.search.replace("{n}", `${number}`)} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: ${connection}\r\n\r\n`;
const RELEASE_LIMIT = 64;

interface Answer {
  readonly status: number;
  readonly release: string | undefined;
  /** The server will close the connection, and has said so. */
  readonly isLast: boolean;
}

/** `isUntouched`: not one byte of an answer had come. */
type Outcome = Answer | { readonly error: string; readonly isUntouched: boolean };

interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly bodyAt: number;
}

function readHead(bytes: Buffer): Head | "more" | "bad" {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return bytes.length > 65536 || !"HTTP/1.".startsWith(bytes.toString("latin1", 0, 7)) ? "bad" : "more";
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (status === undefined) return "bad";
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  if (first.startsWith("HTTP/1.0") && headers.get("connection") === undefined) headers.set("connection", "close");
  return { status: Number(status), headers, bodyAt: end + 4 };
}

/** The whole body; `more` while bytes are missing. Without a length it lasts until the server closes. */
function readBody(head: Head, bytes: Buffer, isEnded: boolean): Buffer | "more" | "bad" {
  const rest = bytes.subarray(head.bodyAt);
  if (head.status === 204 || head.status === 304) return Buffer.alloc(0);
  if (/chunked/i.test(head.headers.get("transfer-encoding") ?? "")) return readChunks(rest);
  const length = head.headers.get("content-length");
  if (length === undefined) return isEnded ? rest : "more";
  return rest.length >= Number(length) ? rest.subarray(0, Number(length)) : "more";
}

function readChunks(bytes: Buffer): Buffer | "more" | "bad" {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return "more";
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (Number.isNaN(size)) return "bad";
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return "more";
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}

function readAnswer(bytes: Buffer, isEnded: boolean): Answer | "more" | "bad" {
  const head = readHead(bytes);
  if (typeof head === "string") return head;
  const body = readBody(head, bytes, isEnded);
  if (typeof body === "string") return body;
  const text = body.length <= RELEASE_LIMIT ? body.toString("utf8").trim() : undefined;
  const isLast = /close/i.test(head.headers.get("connection") ?? "");
  return { status: head.status, release: head.headers.get("x-release") ?? text, isLast };
}

/** Sends one request and reads its answer. The socket stays as it is afterwards. */
function exchange(socket: Socket, text: string): Promise<Outcome> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    const finish = (outcome: Outcome) => {
      clearTimeout(timer);
      socket.off("data", take).off("error", fail).off("end", end).off("close", end);
      resolve(outcome);
    };
    const fault = (error: string) => finish({ error, isUntouched: bytes.length === 0 });
    const take = (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      read(false);
    };
    const read = (isEnded: boolean) => {
      const answer = readAnswer(bytes, isEnded);
      if (answer === "bad") fault("no HTTP");
      else if (answer !== "more") finish(answer);
      else if (isEnded) fault(bytes.length === 0 ? "closed without an answer" : "cut");
    };
    const end = () => read(true);
    const fail = (error: Error) => fault(error.message);
    const timer = setTimeout(() => finish({ error: "timed out", isUntouched: false }), timeoutMs);
    socket.on("data", take).on("error", fail).on("end", end).on("close", end);
    socket.write(text);
  });
}

function openSocket(): Socket {
  const socket = connect(socketPath === undefined ? { host, port, noDelay: true } : { path: socketPath });
  // `exchange` listens to errors while it waits; one that comes later changes nothing.
  socket.on("error", () => {});
  return socket;
}

async function sendFresh(number: number): Promise<Outcome> {
  const socket = openSocket();
  const outcome = await exchange(socket, requestText(number, "close"));
  // The server closes first: else each request would leave a port of ours in TIME_WAIT.
  if ("error" in outcome) socket.destroy();
  else setTimeout(() => socket.destroy(), 1000).unref();
  return outcome;
}

/** One kept-alive connection at a time. */
interface Lane {
  socket: Socket | undefined;
  /** The server closed the connection, unannounced, while it waited for the next request. */
  isLost: boolean;
  isBusy: boolean;
}

async function sendKeptAlive(number: number, lane: Lane): Promise<{ outcome: Outcome; hasReconnected: boolean }> {
  const wasLost = lane.isLost;
  const isReused = lane.socket !== undefined;
  const socket = lane.socket ?? openFor(lane);
  lane.socket = undefined;
  lane.isLost = false;
  const outcome = await exchange(socket, requestText(number, "keep-alive"));
  if (!("error" in outcome)) {
    if (!outcome.isLast) keep(lane, socket);
    return { outcome, hasReconnected: wasLost };
  }
  socket.destroy();
  if (!isReused || !outcome.isUntouched) return { outcome, hasReconnected: wasLost };
  return { outcome: await sendFresh(number), hasReconnected: true };
}

function openFor(lane: Lane): Socket {
  const socket = openSocket();
  const lose = () => {
    if (lane.socket !== socket) return;
    lane.socket = undefined;
    lane.isLost = true;
    socket.destroy();
  };
  return socket.once("end", lose).once("close", lose);
}

function keep(lane: Lane, socket: Socket): void {
  if (socket.destroyed || socket.readableEnded) lane.isLost = true;
  else lane.socket = socket;
}

const requests: LoadRequest[] = [];
const inFlight = new Set<Promise<void>>();
let freshInFlight = 0;
const newLane = (): Lane => ({ socket: undefined, isLost: false, isBusy: false });
const lanes = Array.from({ length: options.keepAliveConnections }, newLane);
const counts = { sent: 0, failed: 0, reconnects: 0 };
/** How many are still to be done of those sent from `since` on. */
let awaited: { readonly since: number; readonly left: Record<LoadRequest["kind"], number> } | undefined;

type Sent = Pick<LoadRequest, "number" | "kind" | "sentAt">;

function record(sent: Sent, outcome: Outcome, hasReconnected: boolean): void {
  const isError = "error" in outcome;
  const isFailed = isError || outcome.status >= 500;
  counts.sent++;
  if (isFailed) counts.failed++;
  else if (hasReconnected) counts.reconnects++;
  requests.push({
    ...{ ...sent, doneAt: monotonicMs(), hasReconnected, outcome: isFailed ? "failed" : "ok" },
    status: isError ? undefined : outcome.status,
    release: isError ? undefined : outcome.release,
    error: isError ? outcome.error : isFailed ? `status ${outcome.status}` : undefined,
  });
  if (awaited !== undefined && sent.number >= awaited.since) awaited.left[sent.kind]--;
  if (awaited !== undefined && Math.max(...Object.values(awaited.left)) <= 0) {
    awaited = undefined;
    say({ kind: "more" });
  }
}

async function fresh(number: number): Promise<void> {
  const sentAt = monotonicMs();
  freshInFlight++;
  const outcome = await sendFresh(number);
  freshInFlight--;
  record({ number, kind: "fresh", sentAt }, outcome, false);
}

async function keptAlive(number: number, lane: Lane): Promise<void> {
  const sentAt = monotonicMs();
  lane.isBusy = true;
  const { outcome, hasReconnected } = await sendKeptAlive(number, lane);
  lane.isBusy = false;
  record({ number, kind: "kept-alive", sentAt }, outcome, hasReconnected);
}

function launch(sending: Promise<void>): void {
  inFlight.add(sending);
  void sending.finally(() => inFlight.delete(sending));
}

const startedAt = monotonicMs();
const launched = { fresh: 0, keptAlive: 0 };

const nextNumber = () => launched.fresh + launched.keptAlive;

function tick(): void {
  const seconds = (monotonicMs() - startedAt) / 1000;
  const dueFresh = Math.floor(seconds * options.freshPerSecond);
  for (; launched.fresh < dueFresh && freshInFlight < inFlightLimit; launched.fresh++) launch(fresh(nextNumber()));
  const dueKeptAlive = Math.floor(seconds * options.ratePerSecond);
  for (; launched.keptAlive < dueKeptAlive; launched.keptAlive++) {
    const lane = idleLane();
    if (lane === undefined) return;
    launch(keptAlive(nextNumber(), lane));
  }
}

/** Taken in turn, so that each connection is used. */
function idleLane(): Lane | undefined {
  const found = lanes.findIndex((lane) => !lane.isBusy);
  if (found < 0 && lanes.length >= inFlightLimit) return undefined;
  const lane = lanes.splice(found < 0 ? lanes.length : found, 1)[0] ?? newLane();
  lanes.push(lane);
  return lane;
}

function say(message: LoadMessage, then: () => void = () => {}): void {
  if (process.connected) process.send?.(message, then);
}

const ticking = setInterval(tick, 2);
const telling = setInterval(() => say({ kind: "progress", counts }), 20);
process.on("disconnect", () => process.exit(1));
process.on("message", (order: LoadOrder) => {
  if (order.kind === "more") {
    const due = (perSecond: number) => (perSecond > 0 ? order.each : 0);
    awaited = {
      since: nextNumber(),
      left: { fresh: due(options.freshPerSecond), "kept-alive": due(options.ratePerSecond) },
    };
    return;
  }
  clearInterval(ticking);
  void Promise.all(inFlight).then(() => {
    clearInterval(telling);
    say({ kind: "end", requests }, () => process.exit(0));
  });
});
say({ kind: "ready" });
