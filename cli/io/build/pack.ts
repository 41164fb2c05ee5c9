/**
 * Sends files of a build: one tar stream, cut into frames that are full but for the last.
 *
 * - The stream has exactly the files that were asked for, in that order; folders, links and modes are the manifest's.
 * - Memory is that of RING_FRAMES frames, whatever the size of the build: they are used in turn.
 * - A file that is not what was hashed any more ends the stream with a `build` failure.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { DATA_FRAME_LIMIT_BYTES } from "../../../agent/protocol.ts";
import type { ManifestEntry } from "../../../agent/wire/release.ts";
import { ZdrError } from "../../failure.ts";
import type { FileMark, ScannedBuild } from "./build.ts";
import { BLOCK_BYTES, TarHeaders } from "./tar-header.ts";

/**
 * A consumer that waits for `drain`, as every one must, has at most two frames unwritten (ssh2 buffers 2 MiB), holds
 * a third, and one is being filled. New buffers for each would be garbage faster than V8 collects it: 60 MB more for a large build.
 */
const RING_FRAMES = 5;
const ZEROS = Buffer.alloc(2 * BLOCK_BYTES);

type FileEntry = Extract<ManifestEntry, { type: "file" }>;

/**
 * `indices`: into the build's entries, files only. A frame keeps its bytes until three more were asked for; who wants them
 * longer copies them. `frameBytes`: of a full one; whoever sends to many at a time has as many times the memory of five.
 */
export async function* packFiles(
  build: ScannedBuild,
  indices: readonly number[],
  frameBytes: number = DATA_FRAME_LIMIT_BYTES,
): AsyncGenerator<Buffer> {
  const stream = frames(build, indices, frameBytes);
  let ahead = soon(() => stream.next());
  try {
    for (let frame = await ahead; frame.done !== true; frame = await ahead) {
      // The next one is read while this one is on its way: the two ends then work at the same time.
      ahead = soon(() => stream.next());
      yield frame.value;
    }
  } finally {
    await ahead.catch(() => undefined);
    stream.return(undefined);
  }
}

/** Not at once, so that timers and other hosts have their turn between two frames. Its failure waits for who asks. */
function soon<T>(call: () => T): Promise<T> {
  const result = new Promise<void>((resolve) => setImmediate(resolve)).then(call);
  result.catch(() => undefined);
  return result;
}

function* frames(build: ScannedBuild, indices: readonly number[], frameBytes: number): Generator<Buffer> {
  const pack = new Frame(frameBytes);
  const headers = new TarHeaders();
  for (const index of indices) {
    const entry = build.entries[index];
    const mark = build.marks[index];
    if (entry?.type !== "file" || mark === undefined) throw new Error(`entry ${index} of the build is no file`);
    yield* pack.add(headers.of(entry));
    yield* packBody(pack, `${build.root}/${entry.path}`, entry, mark);
  }
  yield* pack.add(ZEROS);
  if (pack.used > 0) yield pack.take();
}

/** Frames are filled to the last byte: a header and the body behind it may stand in different ones. */
class Frame {
  bytes: Buffer<ArrayBuffer>;
  used = 0;
  readonly #frameBytes: number;
  /** Handed out, the oldest first. */
  readonly #ring: Buffer<ArrayBuffer>[] = [];

  constructor(frameBytes: number) {
    this.#frameBytes = frameBytes;
    this.bytes = Buffer.allocUnsafeSlow(frameBytes);
  }

  take(): Buffer {
    const full = this.bytes.subarray(0, this.used);
    this.#ring.push(this.bytes);
    const next = this.#ring.length === RING_FRAMES ? this.#ring.shift() : undefined;
    this.bytes = next ?? Buffer.allocUnsafeSlow(this.#frameBytes);
    this.used = 0;
    return full;
  }

  get isFull(): boolean {
    return this.used === this.bytes.length;
  }

  *add(piece: Buffer): Generator<Buffer> {
    for (let at = 0; at < piece.length; ) {
      const length = piece.copy(this.bytes, this.used, at);
      at += length;
      this.used += length;
      if (this.isFull) yield this.take();
    }
  }
}

/** Read straight into the frame that will be sent. */
function* packBody(pack: Frame, place: string, entry: FileEntry, mark: FileMark): Generator<Buffer> {
  const fd = openUnchanged(place, entry.path);
  try {
    for (let left = entry.size; left > 0; ) {
      const length = readSync(fd, pack.bytes, pack.used, Math.min(left, pack.bytes.length - pack.used), null);
      if (length === 0) throw changed(entry.path);
      left -= length;
      pack.used += length;
      if (pack.isFull) yield pack.take();
    }
    // Asked after the last byte, so that it holds for all of them.
    const stat = fstatSync(fd);
    if (stat.size !== mark.size || stat.mtimeMs !== mark.mtimeMs || stat.ino !== mark.ino) throw changed(entry.path);
  } finally {
    closeSync(fd);
  }
  yield* pack.add(ZEROS.subarray(0, (BLOCK_BYTES - (entry.size % BLOCK_BYTES)) % BLOCK_BYTES));
}

function openUnchanged(place: string, path: string): number {
  try {
    return openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw changed(path, error);
  }
}

function changed(path: string, cause?: unknown): ZdrError {
  const hint = "build into a folder of its own and deploy when the build is done";
  return new ZdrError({ kind: "build", problem: "changed while it was sent", path, hint }, cause);
}
