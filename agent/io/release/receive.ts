/**
 * The upload's end on the host: one tar stream, one pass, nothing kept in memory.
 *
 * - Only files that were asked for are written, in the order in which they were asked for, at the places that the
 *   manifest (which was checked) gives them. The stream has no say in where anything goes.
 * - A file is size and sha256 of the manifest, or the upload fails.
 * - Whatever fails, the incoming folder is gone when the failure arrives; where only the link died, what is whole is kept.
 *
 *   header ──► body ──► header … ──► zeros (512) ──► ended
 *     └──► pax ──► header
 *
 * Why not tar's own Parser: it makes a stream object of each entry, looks for compressed data in what is sent, and loses
 * names with a newline (Pax.parse splits at lines; POSIX counts bytes). The format is still that package's business (Header).
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync } from "node:fs";
import { Header } from "tar/header";
import { AgentError } from "../../core/failure.ts";
import { onFile } from "../files.ts";
import { moment } from "../moment.ts";
import { createFile, type FileEntry, finishFile, SCRATCH_BYTES, sha256, writeAll, writeNewFile } from "./bytes.ts";
import { keepPart } from "./part.ts";
import { cut, paxPath } from "./pax.ts";
import { dropIncoming, type Incoming, storeFailure } from "./release-store.ts";

const BLOCK_BYTES = 512;
/** Where a tar header (POSIX ustar) has what isPlainHeaderOf looks at. */
const NAME_BYTES = 100;
const SIZE_AT = 124;
const SIZE_END = 136;
const TYPE_AT = 156;
const PREFIX_AT = 345;
const TYPE_FILE = 0x30;
/** A name is at most 4096 bytes on Linux; a record that says more is no name. */
const PAX_LIMIT_BYTES = 64 * 1024;

export interface Receiver {
  /**
   * The next bytes of the stream; when it returns, they are on their way to the disk, and the chunk may be overwritten. A
   * promise comes back only where it failed: it rejects when all is cleared away.
   */
  write(chunk: Uint8Array): undefined | Promise<never>;
  /** The sender says that this was all: fails with `upload-cut` if it was not. */
  end(): Promise<{ readonly receivedBytes: number }>;
  /** Forgets everything. */
  abort(): Promise<void>;
  /** Ends as when the link dies: files that have come whole are kept for the next upload of this release. */
  leave(): Promise<void>;
}

/** Takes in what planStage called missing: `missing` holds indices into the manifest's entries, in the order sent. */
export function receiveFiles(incoming: Incoming, missing: readonly number[]): Receiver {
  const stream = new TarStream(incoming.path, filesOf(incoming, missing));
  const drop = async () => {
    stream.close();
    await dropIncoming(incoming);
  };
  const fail = async (error: unknown): Promise<never> => {
    const failure = storeFailure(incoming, error);
    await drop();
    throw failure;
  };
  return {
    write(chunk) {
      try {
        stream.push(chunk);
      } catch (error) {
        return fail(error);
      }
      return undefined;
    },
    async end() {
      try {
        return stream.finish();
      } catch (error) {
        return await fail(error);
      }
    },
    abort: drop,
    async leave() {
      const unfinished = stream.unfinished();
      stream.close();
      await keepPart(incoming, unfinished).catch(() => dropIncoming(incoming));
    },
  };
}

function filesOf({ manifest }: Incoming, missing: readonly number[]): FileEntry[] {
  return missing.map((index) => {
    const entry = manifest.entries[index];
    if (entry?.type !== "file") throw new AgentError({ reason: "bad-request", detail: `entry ${index} is no file` });
    return entry;
  });
}

type State = "header" | "pax" | "body" | "padding" | "zeros" | "ended";

/** A file that is too large to be held until it is whole. */
interface OpenFile {
  readonly fd: number;
  readonly digest: Hash;
}

class TarStream {
  readonly #root: string;
  readonly #wanted: readonly FileEntry[];
  #next = 0;
  #state: State = "header";
  /** Bytes that the state still waits for. */
  #left = BLOCK_BYTES;
  #padding = 0;
  /** What has come of a header or a pax record that a chunk cut in two. */
  #held: Buffer[] = [];
  #paxPath: string | undefined;
  #file: OpenFile | undefined;
  /** A small file that a chunk cut in two. */
  #scratch: Buffer | undefined;
  #receivedBytes = 0;

  constructor(root: string, wanted: readonly FileEntry[]) {
    this.#root = root;
    this.#wanted = wanted;
  }

  push(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#receivedBytes += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + this.#left);
      at += piece.length;
      this.#take(piece);
    }
  }

  finish(): { receivedBytes: number } {
    const missing = this.#wanted[this.#next];
    if (this.#state !== "ended" || missing !== undefined) {
      throw cut(missing === undefined ? "the end of the archive is missing" : `at ${missing.path}`);
    }
    return { receivedBytes: this.#receivedBytes };
  }

  /** The file that has been begun and is not whole yet. */
  unfinished(): string[] {
    const entry = this.#wanted[this.#next];
    return this.#file === undefined || entry === undefined ? [] : [entry.path];
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #take(piece: Buffer): void {
    if (this.#state === "body") this.#takeBody(piece);
    else if (this.#state === "padding") this.#skip(piece);
    else if (this.#state === "ended") throw cut("bytes behind the end of the archive");
    else this.#hold(piece);
  }

  #skip(piece: Buffer): void {
    this.#left -= piece.length;
    if (this.#left === 0) this.#expect("header", BLOCK_BYTES);
  }

  #expect(state: State, bytes: number): void {
    this.#state = state;
    this.#left = bytes;
  }

  /** Collects small things until they are whole. */
  #hold(piece: Buffer): void {
    this.#left -= piece.length;
    if (this.#left > 0) {
      // A copy: the caller may use its buffer again.
      this.#held.push(Buffer.from(piece));
      return;
    }
    const whole = this.#held.length === 0 ? piece : Buffer.concat([...this.#held, piece]);
    this.#held = [];
    if (this.#state === "header") this.#takeHeader(whole);
    else if (this.#state === "pax") this.#takePax(whole);
    else if (whole.every((byte) => byte === 0)) this.#expect("ended", Number.POSITIVE_INFINITY);
    else throw cut("one block of zeros in the middle");
  }

  #takeHeader(block: Buffer): void {
    const entry = this.#wanted[this.#next];
    if (entry !== undefined && isPlainHeaderOf(block, entry)) this.#begin(entry.path, "File", entry.size);
    else this.#decodeHeader(block);
  }

  #decodeHeader(block: Buffer): void {
    const header = parseHeader(block);
    const size = header.size ?? 0;
    if (header.nullBlock && this.#paxPath !== undefined) throw unsafe(this.#paxPath, "is a name without a file");
    else if (header.nullBlock) this.#expect("zeros", BLOCK_BYTES);
    else if (!header.cksumValid) throw cut("a damaged header");
    else if (header.type !== "ExtendedHeader") this.#begin(header.path ?? "", header.type, size);
    else if (size <= 0 || size > PAX_LIMIT_BYTES) throw cut(`a pax record of ${size} bytes`);
    else this.#expect("pax", size + paddingOf(size));
  }

  #takePax(body: Buffer): void {
    if (this.#paxPath !== undefined) throw unsafe(this.#paxPath, "has two pax records");
    this.#paxPath = paxPath(body);
    this.#expect("header", BLOCK_BYTES);
  }

  #begin(headerPath: string, type: string, size: number): void {
    const path = this.#paxPath ?? headerPath;
    this.#paxPath = undefined;
    const entry = this.#wanted[this.#next];
    if (type !== "File") throw unsafe(path, `is sent as ${type}`);
    if (entry === undefined || path !== entry.path) throw unsafe(path, "was not asked for here");
    if (size !== entry.size) throw corrupt(entry);
    this.#padding = paddingOf(size);
    this.#expect("body", size);
    // No piece will come for an empty file.
    if (size === 0) this.#takeBody(Buffer.alloc(0));
  }

  #takeBody(piece: Buffer): void {
    const entry = this.#wanted[this.#next];
    if (entry === undefined) throw cut("a body without a file");
    const path = `${this.#root}/${entry.path}`;
    if (piece.length === entry.size) this.#writeWhole(entry, path, piece);
    else if (entry.size > SCRATCH_BYTES) this.#writePiece(entry, path, piece);
    else this.#gather(entry, path, piece);
    this.#left -= piece.length;
    if (this.#left === 0) this.#endBody();
  }

  /** One hash and one write for a small file, however it came, are cheaper than several and a digest that is kept. */
  #gather(entry: FileEntry, path: string, piece: Buffer): void {
    this.#scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    piece.copy(this.#scratch, entry.size - this.#left);
    if (piece.length === this.#left) this.#writeWhole(entry, path, this.#scratch.subarray(0, entry.size));
  }

  #writeWhole(entry: FileEntry, path: string, body: Buffer): void {
    if (sha256(body) !== entry.sha256) throw corrupt(entry);
    onFile("write", path, () => writeNewFile(path, body, entry.mode));
    moment("incoming: file written");
  }

  #writePiece(entry: FileEntry, path: string, piece: Buffer): void {
    this.#file ??= { fd: onFile("make", path, () => createFile(path, entry.mode)), digest: createHash("sha256") };
    const { fd, digest } = this.#file;
    digest.update(piece);
    onFile("write", path, () => writeAll(fd, piece));
    moment("incoming: part of a file written");
    if (piece.length < this.#left) return;
    this.#file = undefined;
    onFile("write", path, () => finishFile(fd, entry.mode));
    if (digest.digest("hex") !== entry.sha256) throw corrupt(entry);
  }

  #endBody(): void {
    this.#next += 1;
    if (this.#padding > 0) this.#expect("padding", this.#padding);
    else this.#expect("header", BLOCK_BYTES);
  }
}

/**
 * Whether name, size and type stand in this header as they do for a file with a short name. Most are like that, and need
 * not be decoded, which would cost a fifth of all that this end does. The rest of a header has no say here.
 */
function isPlainHeaderOf(block: Buffer, { path, size }: FileEntry): boolean {
  return (
    block[TYPE_AT] === TYPE_FILE &&
    block[PREFIX_AT] === 0 &&
    path.length < NAME_BYTES &&
    block[path.length] === 0 &&
    block.toString("latin1", 0, path.length) === path &&
    Number.parseInt(block.toString("latin1", SIZE_AT, SIZE_END), 8) === size
  );
}

/** Header throws on a number that is none. */
function parseHeader(block: Buffer): Header {
  try {
    return new Header(block);
  } catch {
    throw cut("a damaged header");
  }
}

const paddingOf = (size: number) => (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
const unsafe = (path: string, problem: string) => new AgentError({ reason: "unsafe-path", path, problem });
const corrupt = ({ path }: FileEntry) => new AgentError({ reason: "file-corrupt", path });
