/** One HTTP/1 answer while it arrives in pieces: judged as early as can be, and bounded. */

/** Some thousand processes; whatever sends more is no supervisord. */
const ANSWER_LIMIT_BYTES = 16 * 1024 * 1024;
const HEAD_LIMIT_BYTES = 64 * 1024;
const HEAD_END = "\r\n\r\n";

export interface HttpAnswer {
  readonly status: number;
  /** `HTTP/1.1 500 Internal Server Error`. */
  readonly statusLine: string;
  readonly body: string;
}

interface Head {
  readonly status: number;
  readonly statusLine: string;
  readonly bodyStart: number;
  /** Where the answer ends, in bytes; undefined where the end of the connection ends it. */
  readonly end: number | undefined;
}

export class Answer {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #head: Head | undefined;

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Says what is wrong with the answer as soon as that is certain. */
  take(chunk: Buffer): string | undefined {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > ANSWER_LIMIT_BYTES) return `more than ${ANSWER_LIMIT_BYTES} bytes`;
    if (this.#head !== undefined) return undefined;
    const start = this.#joined();
    this.#head = readHead(start);
    return this.#head !== undefined || mayBecomeHead(start) ? undefined : "no HTTP";
  }

  isWhole(hasEnded: boolean): boolean {
    if (this.#head === undefined) return false;
    return this.#head.end === undefined ? hasEnded : this.#bytes >= this.#head.end;
  }

  /** Of a whole answer only. */
  read(): HttpAnswer {
    if (this.#head === undefined) throw new Error("the answer is not whole");
    const { status, statusLine, bodyStart, end } = this.#head;
    return { status, statusLine, body: this.#joined().toString("utf8", bodyStart, end) };
  }

  #joined(): Buffer {
    const [only = Buffer.alloc(0), ...more] = this.#chunks;
    if (more.length === 0) return only;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

function readHead(received: Buffer): Head | undefined {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const head = received.toString("latin1", 0, headEnd);
  const statusLine = /^HTTP\/1\.[01] (\d{3})[^\r\n]*/.exec(head);
  if (statusLine === null) return undefined;
  const length = /^content-length:[ \t]*(\d+)[ \t]*$/im.exec(head)?.[1];
  const bodyStart = headEnd + HEAD_END.length;
  return {
    status: Number(statusLine[1]),
    statusLine: statusLine[0],
    bodyStart,
    end: length === undefined ? undefined : bodyStart + Number(length),
  };
}

function mayBecomeHead(received: Buffer): boolean {
  const start = received.toString("latin1", 0, "HTTP/1.".length);
  const isOpen = !received.includes(HEAD_END) && received.length <= HEAD_LIMIT_BYTES;
  return isOpen && "HTTP/1.".startsWith(start);
}
