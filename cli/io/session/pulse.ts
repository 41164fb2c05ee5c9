/**
 * Whether the other end is still alive, by what it says.
 *
 * A line that it ends is a sign of life. So is a good piece of a line that has not ended yet: over a slow link an answer
 * of some MB takes minutes. A byte now and then is not: who drips is as good as silent. While this process itself stands still,
 * nothing is read, and that is nobody's silence.
 */

/** Of a line that has not ended. A link that carries less in the silence limit carries no deploy. */
export const SIGN_OF_LIFE_BYTES = 1024;

export class Pulse {
  #since = performance.now();
  #askedAt = this.#since;
  #bytes = 0;

  restart(): void {
    this.#since = performance.now();
    this.#bytes = 0;
  }

  hear(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= SIGN_OF_LIFE_BYTES) this.restart();
  }

  /** To be asked every `everyMs`: by how much that comes late, this process stood still. */
  silentMs(everyMs: number): number {
    const now = performance.now();
    const stalledMs = Math.max(now - this.#askedAt - everyMs, 0);
    this.#askedAt = now;
    this.#since = Math.min(this.#since + stalledMs, now);
    return now - this.#since;
  }
}
