/**
 * Cuts the CLI's byte stream into lines and upload bytes. Pure and incremental: bytes in, pieces out. A chunk is not kept:
 * data are parts of it, and what it has of a line that goes on is copied.
 *
 * A line `{"verb":"data","bytes":N}` is followed by N raw bytes, which come out as they arrive (never collected), so that
 * memory does not grow with the frame. Everything else is one JSON line, ended by a line feed.
 */
export type Piece =
  | { readonly kind: "line"; readonly line: string }
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  /** The stream can not be read on: the line was longer than the limit. */
  | { readonly kind: "too-long" };

const LINE_FEED = 0x0a;

export class FrameSplitter {
  readonly #lineLimitBytes: number;
  /** Says how many raw bytes follow this line. */
  readonly #dataBytesAfter: (line: string) => number;
  readonly #decoder = new TextDecoder();
  #partial: Uint8Array[] = [];
  #partialBytes = 0;
  #dataLeft = 0;
  #broken = false;

  constructor(lineLimitBytes: number, dataBytesAfter: (line: string) => number) {
    this.#lineLimitBytes = lineLimitBytes;
    this.#dataBytesAfter = dataBytesAfter;
  }

  /** The pieces that `chunk` completes, in order. After `too-long` nothing more comes. */
  push(chunk: Uint8Array): Piece[] {
    const pieces: Piece[] = [];
    let at = 0;
    while (at < chunk.length && !this.#broken) {
      at = this.#dataLeft > 0 ? this.#takeData(chunk, at, pieces) : this.#takeLine(chunk, at, pieces);
    }
    return pieces;
  }

  #takeData(chunk: Uint8Array, at: number, pieces: Piece[]): number {
    const bytes = chunk.subarray(at, at + this.#dataLeft);
    this.#dataLeft -= bytes.length;
    pieces.push({ kind: "data", bytes });
    return at + bytes.length;
  }

  #takeLine(chunk: Uint8Array, at: number, pieces: Piece[]): number {
    const end = chunk.indexOf(LINE_FEED, at);
    const part = chunk.subarray(at, end === -1 ? chunk.length : end);
    this.#partialBytes += part.length;
    if (this.#partialBytes > this.#lineLimitBytes) {
      this.#broken = true;
      pieces.push({ kind: "too-long" });
      return chunk.length;
    }
    if (end === -1) {
      this.#partial.push(new Uint8Array(part));
      return chunk.length;
    }
    this.#partial.push(part);
    const line = this.#joined();
    this.#partial = [];
    this.#partialBytes = 0;
    this.#dataLeft = this.#dataBytesAfter(line);
    pieces.push({ kind: "line", line });
    return end + 1;
  }

  #joined(): string {
    const [only] = this.#partial;
    if (this.#partial.length === 1 && only) return this.#decoder.decode(only);
    const whole = new Uint8Array(this.#partialBytes);
    let at = 0;
    for (const part of this.#partial) {
      whole.set(part, at);
      at += part.length;
    }
    return this.#decoder.decode(whole);
  }
}
