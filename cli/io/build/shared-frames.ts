/**
 * Frames that many hosts are sent: made once, when the first of them asks, and kept for the others.
 *
 * - So many bytes of them are kept in memory, whatever they are; the rest lies in a temporary file that nobody else can open.
 * - Where there is no room for that file, a host that gets there has its own made.
 */

import { randomBytes } from "node:crypto";
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Frame } from "./compress.ts";

/**
 * As many frames of LARGE_BYTES as a consumer that waits for `drain` may still hold (pack.ts). Of smaller ones it holds as many as it
 * likes: a write of them does not fill its buffer.
 */
const RING_FRAMES = 5;
const LARGE_BYTES = 256 * 1024;

/** Kept in memory (`bytes`), or `length` bytes in the file from `at` on. */
type Kept = Pick<Frame, "packed"> & ({ readonly bytes: Uint8Array } | { readonly at: number; readonly length: number });

const SLAB_BYTES = 4 * 1024 * 1024;

/** What all streams of a command together keep in memory, in few large pieces: many small ones are work for V8's collector. */
export class Room {
  #leftBytes: number;
  #slab: Buffer | undefined;
  #used = 0;

  constructor(bytes: number) {
    this.#leftBytes = bytes;
  }

  /** A copy; undefined where there is no room for it. */
  keep(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#slab === undefined || this.#slab.length - this.#used < bytes.length) {
      const slabBytes = Math.max(SLAB_BYTES, bytes.length);
      if (slabBytes > this.#leftBytes) return undefined;
      this.#leftBytes -= slabBytes;
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const kept = this.#slab.subarray(this.#used, this.#used + bytes.length);
    kept.set(bytes);
    this.#used += bytes.length;
    return kept;
  }
}

export class SharedFrames {
  readonly #make: () => AsyncGenerator<Frame>;
  readonly #room: Room;
  readonly #kept: Kept[] = [];
  #source: AsyncGenerator<Frame> | undefined;
  #next: Promise<void> | undefined;
  #isWhole = false;
  #failure: { readonly error: unknown } | undefined;
  /** Nothing more can be kept. */
  #isFull = false;
  #file: number | undefined;
  #fileBytes = 0;

  /** `make`: the same frames each time that it is called. */
  constructor(make: () => AsyncGenerator<Frame>, room: Room) {
    this.#make = make;
    this.#room = room;
  }

  /** A large frame keeps its bytes until three more large ones were asked for; a small one keeps them. */
  async *frames(): AsyncGenerator<Frame> {
    const ring: Buffer[] = [];
    let at = 0;
    for (; at < this.#kept.length || (await this.#makeNext(at)); at++) {
      const kept = this.#kept[at];
      if (kept === undefined) break;
      yield "bytes" in kept ? kept : { ...kept, bytes: this.#read(kept.at, kept.length, ring) };
    }
    if (this.#isWhole && at === this.#kept.length) return;
    yield* skip(this.#make(), at);
  }

  async dispose(): Promise<void> {
    await this.#next;
    await this.#source?.return(undefined);
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** Whether there is a frame at this place now. */
  async #makeNext(at: number): Promise<boolean> {
    while (at >= this.#kept.length && !this.#isWhole && !this.#isFull) {
      if (this.#failure === undefined) {
        this.#next ??= this.#keepNext().finally(() => {
          this.#next = undefined;
        });
        await this.#next;
      }
      // A build that has changed has changed for all of them; asked again, its frames would seem to have ended.
      if (this.#failure !== undefined) throw this.#failure.error;
    }
    return at < this.#kept.length;
  }

  async #keepNext(): Promise<void> {
    this.#source ??= this.#make();
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.#isWhole = true;
      else this.#keep(value);
    } catch (error) {
      this.#failure = { error };
    }
  }

  #keep({ bytes, packed }: Frame): void {
    const how = packed === undefined ? {} : { packed };
    const inMemory = this.#room.keep(bytes);
    if (inMemory !== undefined) {
      this.#kept.push({ ...how, bytes: inMemory });
      return;
    }
    try {
      this.#file ??= openHidden();
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#file, bytes, done, bytes.length - done, this.#fileBytes + done);
      this.#kept.push({ ...how, at: this.#fileBytes, length: bytes.length });
      this.#fileBytes += bytes.length;
    } catch {
      this.#isFull = true;
      // Half a frame is of no use, and others need the room more.
      if (this.#file !== undefined) ftruncateSync(this.#file, this.#fileBytes);
    }
  }

  #read(at: number, length: number, ring: Buffer[]): Buffer {
    const isLarge = length >= LARGE_BYTES;
    const used = isLarge && ring.length === RING_FRAMES ? ring.shift() : undefined;
    const buffer = used !== undefined && used.length >= length ? used : Buffer.allocUnsafeSlow(length);
    if (isLarge) ring.push(buffer);
    if (this.#file === undefined || readSync(this.#file, buffer, 0, length, at) !== length)
      throw new Error("what was kept of an upload can not be read again");
    return buffer.subarray(0, length);
  }
}

/** Without a name from the start, so that it goes with this process, whatever ends it. */
function openHidden(): number {
  const path = join(tmpdir(), `zdr-upload-${randomBytes(12).toString("hex")}`);
  const file = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return file;
}

async function* skip(frames: AsyncGenerator<Frame>, count: number): AsyncGenerator<Frame> {
  let at = 0;
  for await (const frame of frames) if (at++ >= count) yield frame;
}
