/**
 * Whether the other end is still alive, by what it says.
 *
 * A line that it ends is a sign of life. So is a good piece of a line that has not ended yet: over a slow link an answer
 * of some MB takes minutes. A byte now and then is not: who drips is as good as silent.
 */

/** Of a line that has not ended. A link that carries less in the silence limit carries no deploy. */
export const SIGN_OF_LIFE_BYTES = 1024;

export class Pulse {
  #since = performance.now();
  #bytes = 0;

  restart(): void {
    this.#since = performance.now();
    this.#bytes = 0;
  }

  hear(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= SIGN_OF_LIFE_BYTES) this.restart();
  }

  silentMs(): number {
    return performance.now() - this.#since;
  }
}
