/**
 * Cuts what a host sends into lines, and holds no more of it than one line may be long.
 *
 * What has come of a line is copied into one buffer: a chunk of one byte that is kept costs a hundred, and more where it is
 * a slice of what the network gave.
 */

const NEWLINE = 0x0a;
const FIRST_BYTES = 4096;

export class Lines {
  readonly #limitBytes: number;
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;

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
      const piece = chunk.subarray(at, end === -1 ? chunk.length : end);
      if (this.#heldBytes + piece.length > this.#limitBytes) {
        this.#release();
        yield undefined;
        return;
      }
      if (end === -1) {
        this.#hold(piece);
        return;
      }
      at = end + 1;
      yield this.#lineEndingWith(piece);
    }
  }

  #lineEndingWith(piece: Buffer): string {
    if (this.#heldBytes === 0) return piece.toString("utf8");
    this.#hold(piece);
    const line = this.#held.toString("utf8", 0, this.#heldBytes);
    this.#release();
    return line;
  }

  #hold(piece: Buffer): void {
    const wanted = this.#heldBytes + piece.length;
    if (wanted > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(wanted, this.#held.length * 2, FIRST_BYTES));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    piece.copy(this.#held, this.#heldBytes);
    this.#heldBytes = wanted;
  }

  #release(): void {
    this.#held = Buffer.alloc(0);
    this.#heldBytes = 0;
  }
}
