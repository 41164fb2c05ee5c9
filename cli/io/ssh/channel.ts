/**
 * One exec channel of ssh2 as a `Channel`.
 *
 * - `closed` settles when the channel or the link is gone, whoever of the two goes first.
 * - A write that can no longer arrive fails; in ssh2 its callback would never be called.
 * - Of stderr no more than its tail is kept, however much comes.
 */
import { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { ClientChannel } from "ssh2";
import type { Channel } from "../session/transport.ts";

/** How much of stderr is kept, in characters. */
export const STDERR_TAIL_LENGTH = 4096;
const STDIN_BUFFER_BYTES = 256 * 1024;

/** Resolves when the link is gone; `isGone` says so at once. */
export interface LinkEnd {
  readonly gone: Promise<void>;
  isGone(): boolean;
}

export function channelOf(stream: ClientChannel, link: LinkEnd): Channel {
  const closed = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    const end: { code: number | null; signal: string | null } = { code: null, signal: null };
    stream.on("exit", (code: number | null, signal?: string) => {
      end.code = code ?? null;
      end.signal = signal ?? null;
    });
    stream.on("close", () => resolve(end));
    // ssh2 says that the link is gone before it hands out what came last; a turn later that has been read.
    void link.gone.then(() => setImmediate(() => resolve(end)));
  });
  const tail = tailOf(stream.stderr);
  return { stdin: stdinOf(stream, link, closed), stdout: stream, stderrTail: tail, closed };
}

function tailOf(stderr: ClientChannel["stderr"]): () => string {
  const decoder = new StringDecoder("utf8");
  let tail = "";
  stderr.on("data", (chunk: Buffer) => {
    tail += decoder.write(chunk);
    if (tail.length > 4 * STDERR_TAIL_LENGTH) tail = tail.slice(-STDERR_TAIL_LENGTH);
  });
  // The cut may have halved a character outside the basic plane.
  return () => tail.slice(-STDERR_TAIL_LENGTH).replace(/^[\uDC00-\uDFFF]/, "");
}

function stdinOf(stream: ClientChannel, link: LinkEnd, closed: Promise<unknown>): Writable {
  let waiting: ((error: Error) => void) | undefined;
  const stdin = new Writable({
    highWaterMark: STDIN_BUFFER_BYTES,
    write(chunk: Buffer, _encoding, done) {
      waiting = done;
      const finish = (error?: Error | null) => {
        if (waiting !== done) return;
        waiting = undefined;
        done(error);
      };
      try {
        stream.write(chunk, finish);
      } catch (error) {
        finish(error as Error);
      }
    },
    final(done) {
      if (!link.isGone()) stream.end();
      done();
    },
    destroy(error, done) {
      // Also called after the end was written: then the other side may still answer.
      if (!stdin.writableFinished && !link.isGone()) stream.destroy();
      done(error);
    },
  });
  // Whoever writes hears of it by the callback or from `pipeline`; nobody may die of it.
  stdin.on("error", () => {});
  void closed.then(() => {
    const error = Object.assign(new Error("the channel is closed"), { code: "EPIPE" });
    if (waiting !== undefined) waiting(error);
    else if (!stdin.writableFinished) stdin.destroy(error);
  });
  return stdin;
}
