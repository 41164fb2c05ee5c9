/** Cuts what a host sends into lines, and holds no more of it than one line may be long. */

const NEWLINE = 0x0a;

export class Lines {
  readonly #limitBytes: number;
  #partial: Buffer[] = [];
  #partialBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /**
   * The lines that this chunk ends, as they are taken: whoever stops taking leaves the rest of the chunk unread.
   * Yields undefined, once and last, when a line is longer than the limit.
   */
  *take(chunk: Buffer): Generator<string | undefined, void, void> {
    let at = 0;
    while (at < chunk.length) {
      const end = chunk.indexOf(NEWLINE, at);
      const part = chunk.subarray(at, end === -1 ? chunk.length : end);
      this.#partial.push(part);
      this.#partialBytes += part.length;
      if (this.#partialBytes > this.#limitBytes) {
        yield undefined;
        return;
      }
      if (end === -1) return;
      const line = Buffer.concat(this.#partial).toString("utf8");
      this.#partial = [];
      this.#partialBytes = 0;
      at = end + 1;
      yield line;
    }
  }
}
