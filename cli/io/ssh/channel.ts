/**
 * One exec channel of ssh2 as a `Channel`.
 *
 * - `closed` settles when the channel or the link is gone, whoever of the two goes first.
 * - A write that can no longer arrive fails; in ssh2 its callback would never be called.
 * - Of stderr no more than its tail is kept, however much comes.
 */
import { type Duplex, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { ClientChannel } from "ssh2";
import { noteSent } from "../garbage.ts";
import type { Channel } from "../session/transport.ts";

/** How much of stderr is kept, in characters. */
export const STDERR_TAIL_LENGTH = 4096;
const STDIN_BUFFER_BYTES = 256 * 1024;
/**
 * As much is encrypted at a time. ssh2 encrypts whatever it is given up to the host's window of 2 MiB, and with several hosts that
 * piles up faster than it leaves: buffers that live so long are left to V8's major collections.
 */
const PIECE_BYTES = 128 * 1024;

/** Resolves when the link is gone; `isGone` says so at once. */
export interface LinkEnd {
  readonly gone: Promise<void>;
  isGone(): boolean;
}

export function channelOf(stream: ClientChannel, link: LinkEnd, socket: Duplex): Channel {
  const closed = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    const end: { code: number | null; signal: string | null } = { code: null, signal: null };
    const note = (code?: number | null, signal?: string) => {
      if (code === undefined) return;
      end.code = code;
      end.signal = signal ?? null;
    };
    stream.on("exit", note);
    // Of a command that ends at once, `exit` has come with the packet that says it was begun, before anybody listened.
    stream.on("close", (...exit: Parameters<typeof note>) => {
      note(...exit);
      resolve(end);
    });
    // ssh2 says that the link is gone before it hands out what came last; a turn later that has been read.
    void link.gone.then(() => setImmediate(() => resolve(end)));
  });
  const tail = tailOf(stream.stderr);
  return { stdin: stdinOf(stream, link, closed, socket), stdout: stream, stderrTail: tail, closed };
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

function stdinOf(stream: ClientChannel, link: LinkEnd, closed: Promise<unknown>, socket: Duplex): Writable {
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
      const writeFrom = (at: number) => {
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        noteSent(piece.length);
        try {
          stream.write(piece, (error) => {
            if (error || at + PIECE_BYTES >= chunk.length) finish(error);
            // Through a jump host the socket is a channel with a buffer of 2 MiB, and until that is full no `drain` follows.
            else if (socket.writableLength < PIECE_BYTES || !socket.writableNeedDrain) writeFrom(at + PIECE_BYTES);
            else socket.once("drain", () => writeFrom(at + PIECE_BYTES));
          });
        } catch (error) {
          finish(error as Error);
        }
      };
      writeFrom(0);
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
