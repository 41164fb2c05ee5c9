/**
 * Reads a tar stream member by member, plain or gzipped.
 *
 * The fields of a header are `tar`'s business. Its Parser is not used: it decodes extended headers chunk by chunk and
 * splits them at lines, so that a long name with a newline in it, or with a letter that a chunk cuts in two, silently
 * becomes another one. POSIX counts bytes; so does this.
 */
import { createReadStream, type ReadStream } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Header } from "tar/header";

/** What stands in an archive. `type` in tar's words: File, Directory, SymbolicLink, Link, … */
export interface Member {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  /** Of links. */
  readonly target: string;
  /** Records of its pax header, which this reader does not know. */
  readonly extra: ReadonlySet<string>;
  /** The bytes, once; what is not read is skipped. */
  body(): AsyncGenerator<Buffer>;
}

const META_TYPES = new Set<string>([
  "ExtendedHeader",
  "GlobalExtendedHeader",
  "NextFileHasLongPath",
  "NextFileHasLongLinkpath",
]);
const BLOCK_BYTES = 512;
const READ_BYTES = 1024 * 1024;
/** Names and attributes; more is an attack or damage. */
const META_LIMIT_BYTES = 1024 * 1024;

/** The archive is damaged or cut off; the message says how. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

/** Members in their order. Throws ArchiveError, or a system error of the file itself. */
export async function* readArchive(path: string): AsyncGenerator<Member> {
  const file = createReadStream(path, { highWaterMark: READ_BYTES });
  const source = await openArchive(file);
  try {
    yield* readMembers(new ByteReader(source));
  } finally {
    await source.return(undefined);
    // One that is refused at its first bytes has not come to where its end would close it.
    file.destroy();
  }
}

async function* readMembers(bytes: ByteReader): AsyncGenerator<Member> {
  let records = new Map<string, string>();
  for (;;) {
    const header = parseHeader(await bytes.take(BLOCK_BYTES), records.get("size"));
    if (header.nullBlock) break;
    const { type, size = 0 } = header;
    if (META_TYPES.has(type)) {
      records = new Map([...records, ...metaRecords(type, await bytes.takeMeta(size))]);
      continue;
    }
    yield memberOf(header, records, bytes.body(size));
    records = new Map();
    await bytes.finishBody();
  }
  // What follows the end is of no interest, but gzip's checksum stands behind it.
  await bytes.drain();
}

async function openArchive(file: ReadStream): Promise<AsyncGenerator<Buffer>> {
  const source: AsyncIterator<Buffer> = file[Symbol.asyncIterator]();
  const first = await source.next();
  const head: Buffer = first.done === true ? Buffer.alloc(0) : first.value;
  const all = (async function* () {
    yield head;
    yield* { [Symbol.asyncIterator]: () => source };
  })();
  return head[0] === 0x1f && head[1] === 0x8b ? gunzip(all) : all;
}

async function* gunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const unzip = createGunzip({ chunkSize: READ_BYTES });
  const input = Readable.from(source).on("error", (error) => unzip.destroy(error));
  try {
    for await (const chunk of input.pipe(unzip)) yield chunk;
  } catch (error) {
    throw new ArchiveError(error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    input.destroy();
  }
}

function parseHeader(block: Buffer, size: string | undefined): Header {
  try {
    const header = new Header(block, 0, size === undefined ? undefined : { size: Number(size) });
    if (header.nullBlock || header.cksumValid) return header;
  } catch {
    // A number that is none.
  }
  throw new ArchiveError("damaged tar header");
}

function memberOf(header: Header, records: ReadonlyMap<string, string>, body: AsyncGenerator<Buffer>): Member {
  return {
    path: records.get("path") ?? header.path ?? "",
    type: header.type,
    mode: header.mode ?? 0,
    size: header.size ?? 0,
    target: records.get("linkpath") ?? header.linkpath ?? "",
    extra: new Set(records.keys()),
    body: () => body,
  };
}

function metaRecords(type: string, meta: Buffer): Map<string, string> {
  if (type === "ExtendedHeader") return paxRecords(meta);
  // Comments (git archive leaves its revision there); a name for all members would be none.
  if (type === "GlobalExtendedHeader") return new Map();
  const end = meta.indexOf(0);
  return new Map([
    [type === "NextFileHasLongPath" ? "path" : "linkpath", meta.toString("utf8", 0, end < 0 ? meta.length : end)],
  ]);
}

/** Records of "length key=value\n", whose length counts itself, in bytes (POSIX pax). */
function paxRecords(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const equals = body.indexOf(0x3d, space);
    const digits = space < 0 ? "" : body.toString("latin1", at, space);
    const end = at + (/^[1-9][0-9]{0,7}$/.test(digits) ? Number(digits) : 0);
    if (equals < 0 || end <= equals || body[end - 1] !== 0x0a) throw new ArchiveError("damaged pax header");
    records.set(body.toString("utf8", space + 1, equals), body.toString("utf8", equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** Hands a stream of chunks out in the pieces that a tar reader wants. */
class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);
  /** Of the body that is being read, with its padding. */
  #bodyLeft = 0;
  #paddingLeft = 0;

  constructor(source: AsyncIterator<Buffer>) {
    this.#source = source;
  }

  async take(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = length; left > 0; ) {
      const piece = await this.#some(left);
      pieces.push(piece);
      left -= piece.length;
    }
    const [first] = pieces;
    return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
  }

  async takeMeta(size: number): Promise<Buffer> {
    if (size > META_LIMIT_BYTES) throw new ArchiveError(`extended header of ${size} bytes`);
    const meta = await this.take(size + paddingOf(size));
    return meta.subarray(0, size);
  }

  async *body(size: number): AsyncGenerator<Buffer> {
    this.#bodyLeft = size;
    this.#paddingLeft = paddingOf(size);
    while (this.#bodyLeft > 0) {
      const piece = await this.#some(this.#bodyLeft);
      this.#bodyLeft -= piece.length;
      yield piece;
    }
  }

  async finishBody(): Promise<void> {
    for (let left = this.#bodyLeft + this.#paddingLeft; left > 0; ) left -= (await this.#some(left)).length;
    this.#bodyLeft = 0;
    this.#paddingLeft = 0;
  }

  async drain(): Promise<void> {
    while ((await this.#source.next()).done !== true);
  }

  async #some(atMost: number): Promise<Buffer> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) throw new ArchiveError("ends in the middle");
      this.#chunk = next.value;
    }
    const piece = this.#chunk.subarray(0, atMost);
    this.#chunk = this.#chunk.subarray(piece.length);
    return piece;
  }
}

const paddingOf = (size: number) => (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
