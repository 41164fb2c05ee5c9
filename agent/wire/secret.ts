/**
 * A text that does not leak by being printed, logged or sent: passphrases, passwords, tokens, on both sides. Only `reveal()`
 * gives it away, so that every place that does is found by searching for that word.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }

  /** What `util.inspect`, and so `console.log` and assertion messages, print. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[redacted]";
  }
}
