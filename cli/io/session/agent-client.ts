/**
 * One session with the agent of one host, over one channel.
 *
 * - The first request travels with the bootstrap: no round trip is spent on finding out whether the agent is there.
 * - Every wait ends: with a reply, with the channel, or after the silence limit of agent/protocol.ts.
 * - What a host says is checked against the wire's schemas; what does not fit is that host's failure.
 * - Whatever a host says, however much of it and however slowly, it costs this machine no more than one line's memory.
 */
import { randomBytes } from "node:crypto";
import {
  type AgentEvent,
  HEARTBEAT_INTERVAL_MS,
  REPLY_LINE_LIMIT_BYTES,
  REQUEST_LINE_LIMIT_BYTES,
  type ResultOf,
  results,
  SILENCE_LIMIT_MS,
  type Verb,
} from "../../../agent/protocol.ts";
import { type LinkFailure, ZdrError } from "../../failure.ts";
import type { Frame } from "../build/compress.ts";
import type { AgentSession, EarlyRequest, OnEvent, RequestBody, SessionOptions } from "./agent-session.ts";
import { bootstrap, NO_NODE_MARK, searchedFor } from "./bootstrap.ts";
import { Lines } from "./lines.ts";
import { Pulse } from "./pulse.ts";
import { readLoaderWord, readReply } from "./replies.ts";
import { earlyLine, FIRST_ID, leavesNothing, tooManyFiles } from "./requests.ts";
import { type Channel, type ChannelEnd, type Connection, failureAtStart, failureInSession } from "./transport.ts";

interface Pending {
  readonly verb: Verb;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onEvent: OnEvent | undefined;
  /** How many events it has had. */
  events: number;
}

type Options = SessionOptions & { readonly isHere: Connection["isHere"] };

const NOISE_LIMIT_BYTES = 4096;
/** An activation of many programs tells some hundred; who tells more than anybody reads is not the agent that was sent. */
export const EVENT_LIMIT = 20_000;
/** How long `close` waits for the agent to end by itself. */
export const CLOSE_TIMEOUT_MS = 2_000;

/** Starts the agent on a connection. Resolves at once: trouble shows in the first request. */
export async function openSession(connection: Connection, options: SessionOptions): Promise<AgentSession> {
  const { agent, agentPath: path, node, use, heartbeatMs, silenceMs } = options;
  const magic = `zdr-${randomBytes(12).toString("hex")}`;
  const early = earlyLine(options.early);
  const { command, input } = bootstrap(agent, { magic, path, node, use, early, heartbeatMs, silenceMs });
  const channel = await connection.exec(command);
  if (input !== "") channel.stdin.write(input);
  const { isHere } = connection;
  return new Session(channel, { ...options, isHere }, magic, early === undefined ? undefined : options.early);
}

class Session implements AgentSession {
  readonly host: string;
  isHere = false;
  readonly isFollowing: boolean;
  readonly #channel: Channel;
  readonly #options: Options;
  readonly #magic: string;
  readonly #pending = new Map<number, Pending>();
  readonly #heartbeat: NodeJS.Timeout;
  #early: { readonly verb: Verb; readonly answer: Promise<unknown>; readonly events: AgentEvent[] } | undefined;
  #nextId = FIRST_ID;
  #started = false;
  #agentPid: number | undefined;
  #noise = "";
  readonly #lines = new Lines(REPLY_LINE_LIMIT_BYTES);
  readonly #pulse = new Pulse();
  /** The agent's own file has been sent. */
  #isDelivered = false;
  #broken: ZdrError | undefined;
  /** Ends an upload's wait for a host that takes no more bytes. */
  #onBroken: () => void = () => {};
  /** True: the agent may still hold the host's lock, or an upload. */
  #mustEnd = true;

  /** `asked`: the request that went with the command. */
  constructor(channel: Channel, options: Options, magic: string, asked: EarlyRequest | undefined) {
    this.host = options.host;
    this.#channel = channel;
    this.#options = options;
    this.#magic = magic;
    if (asked !== undefined) {
      const events: AgentEvent[] = [];
      const answer = this.#answerTo(this.#nextId++, asked.verb, (event) => events.push(event));
      answer.catch(() => {});
      this.#early = { verb: asked.verb, answer, events };
      asked.follow?.((line) => this.#write(line));
    }
    this.isFollowing = asked?.follow !== undefined;
    channel.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
    channel.stdout.on("error", () => {});
    channel.stdin.on("error", () => {});
    void channel.closed.then((end) => this.#closed(end));
    const heartbeatMs = options.heartbeatMs ?? HEARTBEAT_INTERVAL_MS;
    this.#heartbeat = setInterval(() => this.#beat(heartbeatMs), heartbeatMs);
    this.#heartbeat.unref();
  }

  get isOver(): boolean {
    return this.#broken !== undefined;
  }

  agentPid(): number | undefined {
    return this.#agentPid;
  }

  request<V extends Verb>(verb: V, body: RequestBody<V>, onEvent?: OnEvent): Promise<ResultOf<V>> {
    if (this.#broken) return Promise.reject(this.#broken);
    const early = this.#early;
    if (early?.verb === verb) {
      this.#early = undefined;
      for (const event of early.events) onEvent?.(event);
      const pending = this.#pending.get(FIRST_ID);
      if (pending) this.#pending.set(FIRST_ID, { ...pending, onEvent });
      return early.answer as Promise<ResultOf<V>>;
    }
    const id = this.#nextId++;
    const line = `${JSON.stringify({ verb, id, ...body })}\n`;
    if (Buffer.byteLength(line) > REQUEST_LINE_LIMIT_BYTES) return Promise.reject(tooManyFiles());
    const answer = this.#answerTo(id, verb, onEvent);
    if (this.#channel.stdin.writable) this.#channel.stdin.write(line);
    return answer as Promise<ResultOf<V>>;
  }

  #answerTo(id: number, verb: Verb, onEvent: OnEvent | undefined): Promise<unknown> {
    this.#mustEnd = true;
    this.#pulse.restart();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { verb, resolve, reject, onEvent, events: 0 });
    });
  }

  async upload(
    frames: AsyncIterable<Frame>,
    onSent: (bytes: number, asSent: number) => void,
    onEvent?: OnEvent,
  ): Promise<ResultOf<"upload">> {
    const published = this.request("upload", {}, onEvent);
    published.catch(() => {});
    if (this.isHere) this.#channel.narrow?.();
    for await (const { bytes, packed } of frames) {
      if (this.#broken) break;
      this.#write({ verb: "data", bytes: bytes.length, ...packed });
      if (!this.#channel.stdin.write(bytes)) await this.#drained();
      this.#pulse.restart();
      onSent(packed?.of ?? bytes.length, bytes.length);
      if (this.#pending.size === 0) break;
    }
    this.#write({ verb: "data", bytes: 0 });
    return published;
  }

  noise(): string {
    return this.#noise;
  }

  abort(): void {
    this.#write({ verb: "abort" });
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#channel.stdin.end();
    if (!this.#mustEnd) return;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([this.#channel.closed, timeout]);
    clearTimeout(timer);
  }

  /** Gives the length of the line. */
  #write(message: unknown): number {
    const line = `${JSON.stringify(message)}\n`;
    if (this.#channel.stdin.writable) this.#channel.stdin.write(line);
    return line.length;
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#channel.stdin.once("drain", resolve);
      this.#onBroken = resolve;
      void this.#channel.closed.then(() => resolve());
    });
  }

  #beat(everyMs: number): void {
    if (this.#started) this.#write({ verb: "beat" });
    const silentMs = this.#pulse.silentMs(everyMs);
    if (this.#pending.size > 0 && silentMs > (this.#options.silenceMs ?? SILENCE_LIMIT_MS)) {
      const isBeforeAgent = !this.#started && !this.#isDelivered;
      this.#break({
        kind: "link-silent",
        during: this.#during(),
        silentMs,
        ...(isBeforeAgent ? { isBeforeAgent } : {}),
      });
    }
  }

  #during(): string {
    const [first] = this.#pending.values();
    return first?.verb ?? (this.#started ? "the wait for its turn" : "start");
  }

  #receive(chunk: Buffer): void {
    // What still comes from a host that was given up is not kept.
    if (this.#broken) return;
    this.#pulse.hear(chunk.length);
    for (const line of this.#lines.take(chunk)) {
      this.#pulse.restart();
      if (line === undefined) {
        this.#break({ kind: "agent-reply", detail: `a line of more than ${REPLY_LINE_LIMIT_BYTES} bytes` });
      } else this.#receiveLine(line);
      if (this.#broken) return;
    }
  }

  #receiveLine(line: string): void {
    if (this.#started) this.#receiveReply(line);
    else if (line.startsWith(`${this.#magic} `)) this.#receiveLoader(line.slice(this.#magic.length + 1));
    else if (line.startsWith(`${NO_NODE_MARK} `)) {
      this.#break({ kind: "node-missing", searched: searchedFor(line.slice(NO_NODE_MARK.length + 1)) });
    } else this.#noise = `${this.#noise}${line}\n`.slice(-NOISE_LIMIT_BYTES);
  }

  #receiveLoader(text: string): void {
    const word = readLoaderWord(text);
    if (word.kind === "start") this.#started = true;
    else if (word.kind === "need" && !this.#isDelivered) {
      this.#isDelivered = true;
      this.#channel.stdin.write(`{"verb":"agent","bytes":${this.#options.agent.bytes.length}}\n`);
      this.#channel.stdin.write(this.#options.agent.bytes);
    } else if (word.kind === "too-old") this.#break({ kind: "node-too-old", node: word.node, version: word.version });
    else this.#break({ kind: "agent-start", detail: "the agent did not arrive as it was sent", noise: this.#noise });
  }

  #receiveReply(line: string): void {
    if (line === "") return;
    const reply = readReply(line);
    if ("problem" in reply) {
      this.#break({ kind: "agent-reply", detail: reply.problem });
      return;
    }
    if (reply.kind === "hello") {
      this.#agentPid = reply.pid;
      this.isHere = this.#options.isHere?.(reply.sshConnection) ?? false;
    }
    if (reply.kind === "hello" || reply.kind === "beat") return;
    const pending = this.#pending.get(reply.id);
    if (!pending) {
      // An answer to nothing that was asked: the two sides do not understand each other.
      if (reply.kind !== "event")
        this.#break({ kind: "agent-reply", detail: `an answer to nothing that was asked: ${line.slice(0, 200)}` });
      return;
    }
    if (reply.kind === "event") {
      if (++pending.events > EVENT_LIMIT)
        this.#break({ kind: "agent-reply", detail: `more than ${EVENT_LIMIT} events` });
      else pending.onEvent?.(reply.event);
      return;
    }
    this.#pending.delete(reply.id);
    if (reply.kind === "failure") {
      pending.reject(new ZdrError({ kind: "agent", host: this.host, failure: reply.failure }));
      return;
    }
    const result = results[pending.verb].safeParse(reply.result);
    if (result.success) {
      this.#mustEnd = !leavesNothing(pending.verb, result.data);
      pending.resolve(result.data);
    } else {
      const detail = `${pending.verb}: ${result.error.message.slice(0, 300)}`;
      pending.reject(this.#linkError({ kind: "agent-reply", detail }));
    }
  }

  #closed(end: ChannelEnd): void {
    clearInterval(this.#heartbeat);
    const tail = this.#channel.stderrTail().trim();
    if (this.#started) this.#break(failureInSession(end, this.#during(), tail));
    else this.#break(failureAtStart(end, `${this.#noise}${tail}`.trim()));
  }

  #linkError(link: LinkFailure): ZdrError {
    return new ZdrError({ kind: "link", host: this.host, link });
  }

  #break(link: LinkFailure): void {
    this.#broken ??= this.#linkError(link);
    for (const pending of this.#pending.values()) pending.reject(this.#broken);
    this.#pending.clear();
    this.#onBroken();
  }
}
