/**
 * The agent's end of the channel: requests and upload bytes in, replies out.
 *
 * - Nothing is read faster than it is used: past a few MB that nobody took, stdin is paused.
 * - Upload bytes that somebody waits for are handed on as they lie in the buffer that stdin is read into; others are copied.
 * - `gone` fires once when the CLI can not be heard any more: end of stdin, `abort`, or silence beyond the limit.
 * - A broken stdout is survived: an activation goes on without anybody listening.
 */
import type { Readable, Writable } from "node:stream";
import { FrameSplitter } from "../core/framing.ts";
import { HEARTBEAT_INTERVAL_MS, REQUEST_LINE_LIMIT_BYTES, type Reply, Request, SILENCE_LIMIT_MS } from "../protocol.ts";
import type { ManifestEntry } from "../wire/release.ts";
import type { DataFrame } from "../wire/stage.ts";

export type Incoming =
  | { readonly kind: "request"; readonly request: Request }
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "invalid"; readonly id: number; readonly verb: string | undefined; readonly detail: string };

/** Upload bytes that wait to be written to disk before stdin is paused. */
const READ_AHEAD_BYTES = 4 * 1024 * 1024;

export interface WireLimits {
  readonly heartbeatMs?: number;
  readonly silenceMs?: number;
}

export interface WireOptions extends WireLimits {
  /** Opens stdin; each chunk is given to `take` and may be overwritten when that has returned (stdin.ts). */
  readonly openStdin: (take: (chunk: Uint8Array) => void) => Readable;
  readonly stdout: Writable;
  /** Bytes that the bootstrap had already read. */
  readonly leftover: Uint8Array;
}

/** Takes some bytes of a frame, in their order; false: no more of them are wanted. */
export type TakeFrame = (bytes: Uint8Array, frame: DataFrame) => boolean;

/** Whoever takes an upload in. */
interface Pour {
  readonly take: TakeFrame;
  readonly settle: (end: PourEnd) => void;
  /** The one that bytes belong to. */
  frame: DataFrame;
}
/** Why `gone` fired, where the operator wants no more of it: all other reasons are of a link. */
export const GIVEN_UP = "abort";

/** `whole`: the empty frame came. `refused`: `take` wants no more. `other`: something else came in the middle. */
export type PourEnd = "whole" | "refused" | "other" | "gone";

export class Wire {
  readonly #options: WireOptions;
  readonly #stdin: Readable;
  readonly #splitter = new FrameSplitter(REQUEST_LINE_LIMIT_BYTES, dataBytesAfter);
  readonly #gone = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  #queue: Incoming[] = [];
  #queuedBytes = 0;
  #announced: ManifestEntry[] = [];
  #announcedLength = 0;
  #wake: (() => void) | undefined;
  #pour: Pour | undefined;
  #lastHeardAt = performance.now();
  #lastLookAt = performance.now();

  constructor(options: WireOptions) {
    this.#options = options;
    options.stdout.on("error", () => this.#end("stdout broke"));
    this.#stdin = options.openStdin((chunk) => this.#receive(chunk));
    this.#stdin.on("end", () => this.#end("end of stdin"));
    this.#stdin.on("error", () => this.#end("stdin broke"));
    if (options.leftover.length > 0) this.#receive(options.leftover);
    const heartbeatMs = options.heartbeatMs ?? HEARTBEAT_INTERVAL_MS;
    this.#timers.push(
      setInterval(() => this.send({ kind: "beat" }), heartbeatMs),
      setInterval(() => this.#checkSilence(heartbeatMs), heartbeatMs),
    );
  }

  /** Fires when nobody listens any more; its reason is a word for the ledger. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What came next, in order; undefined: nothing more will come. */
  async next(): Promise<Incoming | undefined> {
    for (;;) {
      const first = this.#queue.shift();
      if (first) {
        if (first.kind === "data") this.#queuedBytes -= first.bytes.length;
        if (this.#queuedBytes < READ_AHEAD_BYTES) this.#stdin.resume();
        return first;
      }
      if (this.#gone.signal.aborted) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /**
   * Hands the bytes of an upload to `take`, each chunk only for the length of that call, until the empty frame has come or
   * `take` returns false. What comes behind that is for `next`.
   */
  pour(take: TakeFrame): Promise<PourEnd> {
    return new Promise((settle) => {
      this.#pour = { take, settle, frame: { verb: "data", bytes: 0 } };
      const ahead = this.#queue;
      this.#queue = [];
      this.#queuedBytes = 0;
      for (const incoming of ahead) this.#handle(incoming);
      if (this.#gone.signal.aborted) this.#endPour("gone");
      this.#stdin.resume();
    });
  }

  /** Whether `entries` lines have come that nobody has taken. */
  get isTold(): boolean {
    return this.#announced.length > 0;
  }

  /** What `entries` lines have told since the last time. */
  takeAnnounced(): ManifestEntry[] {
    const announced = this.#announced;
    this.#announced = [];
    this.#announcedLength = 0;
    return announced;
  }

  send(reply: Reply): void {
    if (!this.#options.stdout.writable) return;
    this.#options.stdout.write(`${JSON.stringify(reply)}\n`);
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#stdin.destroy();
  }

  #receive(chunk: Uint8Array): void {
    this.#lastHeardAt = performance.now();
    for (const piece of this.#splitter.push(chunk)) {
      if (piece.kind === "data") this.#handle(piece);
      else if (piece.kind === "line") this.#receiveLine(piece.line);
      else this.#end("a line that is too long");
    }
    if (this.#queuedBytes >= READ_AHEAD_BYTES) this.#stdin.pause();
  }

  #receiveLine(line: string): void {
    if (line === "") return;
    const incoming = parseRequest(line);
    if (incoming.kind === "request" && incoming.request.verb === "beat") return;
    if (incoming.kind === "request" && incoming.request.verb === "entries") {
      this.#announce(incoming.request.entries, line.length);
      return;
    }
    if (incoming.kind === "request" && incoming.request.verb === "abort") this.#end(GIVEN_UP);
    else this.#handle(incoming);
  }

  /** All of them together may be no longer than the one line that they stand for. */
  #announce(entries: readonly ManifestEntry[], length: number): void {
    this.#announcedLength += length;
    if (this.#announcedLength > REQUEST_LINE_LIMIT_BYTES) this.#end("a list of files that is too long");
    else for (const entry of entries) this.#announced.push(entry);
  }

  #handle(incoming: Incoming): void {
    if (this.#pour !== undefined) this.#pourOn(this.#pour, incoming);
    else if (incoming.kind === "data") this.#enqueue({ kind: "data", bytes: new Uint8Array(incoming.bytes) });
    else this.#enqueue(incoming);
  }

  #pourOn(pour: Pour, incoming: Incoming): void {
    if (incoming.kind === "data") {
      if (!pour.take(incoming.bytes, pour.frame)) this.#endPour("refused");
    } else if (incoming.kind !== "request" || incoming.request.verb !== "data") this.#endPour("other");
    else if (incoming.request.bytes === 0) this.#endPour("whole");
    else pour.frame = incoming.request;
  }

  #endPour(end: PourEnd): void {
    this.#pour?.settle(end);
    this.#pour = undefined;
  }

  #enqueue(incoming: Incoming): void {
    if (incoming.kind === "data") this.#queuedBytes += incoming.bytes.length;
    this.#queue.push(incoming);
    this.#wake?.();
  }

  /** Called every `everyMs`. */
  #checkSilence(everyMs: number): void {
    const now = performance.now();
    // A look that comes late was held up, by a disk that took its time for an fsync or by the host: what has come meanwhile is not
    // read yet, and that is nobody's silence.
    const stalledMs = Math.max(now - this.#lastLookAt - everyMs, 0);
    this.#lastLookAt = now;
    // While we refuse to read, the silence is ours.
    this.#lastHeardAt = this.#stdin.isPaused() ? now : Math.min(this.#lastHeardAt + stalledMs, now);
    const silenceMs = this.#options.silenceMs ?? SILENCE_LIMIT_MS;
    if (now - this.#lastHeardAt > silenceMs) this.#end("silence");
  }

  #end(reason: string): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort(reason);
    this.#endPour("gone");
    this.#wake?.();
  }
}

/** How many raw bytes follow a line. Cheap: `data` lines are short, other lines are not parsed twice. */
function dataBytesAfter(line: string): number {
  if (line.length > 100 || !line.includes('"data"')) return 0;
  const incoming = parseRequest(line);
  return incoming.kind === "request" && incoming.request.verb === "data" ? incoming.request.bytes : 0;
}

function parseRequest(line: string): Incoming {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: "invalid", id: 0, verb: undefined, detail: "not JSON" };
  }
  const parsed = Request.safeParse(value);
  if (parsed.success) return { kind: "request", request: parsed.data };
  const { id, verb } = Object(value) as { id?: unknown; verb?: unknown };
  const issue = parsed.error.issues[0];
  return {
    kind: "invalid",
    id: typeof id === "number" ? id : 0,
    verb: typeof verb === "string" ? verb : undefined,
    detail: issue ? `${issue.path.join(".")}: ${issue.message}` : "does not fit",
  };
}

/** Of a wire's `gone`: aborted once the operator has said so; never by a link that died. */
export function givenUp(gone: AbortSignal): AbortSignal {
  const given = new AbortController();
  const look = () => {
    if (gone.reason === GIVEN_UP) given.abort();
  };
  if (gone.aborted) look();
  else gone.addEventListener("abort", look, { once: true });
  return given.signal;
}
