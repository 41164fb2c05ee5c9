/**
 * Upload bytes as they were before they were compressed for the way.
 *
 * - A frame stands for as many bytes as it says, and for no more than DATA_FRAME_LIMIT_BYTES, or the upload ends: whatever is
 *   sent, it takes no more memory than two frames.
 * - What it stands for is looked at no less than what comes as it is (receive.ts).
 */
import { brotliDecompressSync, constants, createZstdDecompress, zstdDecompressSync } from "node:zlib";
import { AgentError } from "../../core/failure.ts";
import { DATA_FRAME_LIMIT_BYTES } from "../../protocol.ts";
import type { DataFrame, Encoding } from "../../wire/stage.ts";
import type { Receiver } from "./receive.ts";

/** Gives what these bytes stand for, which is `of` bytes; what comes back is good until the next call. */
type Unpack = (bytes: Buffer, of: number) => Uint8Array;

/** Of 1 MiB, the longest frame; the decoder would otherwise keep as much as the bytes ask for. */
const ZSTD = { params: { [constants.ZSTD_d_windowLogMax]: 20 } };

/** Node has zstd from 22.15 on. */
const OPEN: Readonly<Partial<Record<Encoding, () => Unpack>>> = {
  ...(typeof zstdDecompressSync === "function" ? { zstd: openZstd } : {}),
  br: () => (bytes, of) => {
    if (hasWideWindow(bytes)) throw new Error("brotli with a window of more than 1 MiB");
    return brotliDecompressSync(bytes, { maxOutputLength: of, chunkSize: Math.max(of, LEAST_CHUNK) });
  },
};

/**
 * Whether a brotli stream begins with a window of more than 2^20 bytes (RFC 7932, 9.1, WBITS). Its decoder has no limit to set,
 * and would get as much memory as the stream asks for: 16 MiB, whatever becomes of it.
 */
function hasWideWindow([first = 0]: Buffer): boolean {
  const bits = (first >> 1) & 0b111;
  return (first & 1) === 1 && bits > 3;
}

/** What can be decompressed here, the best first. */
export const ACCEPTED = Object.keys(OPEN) as Encoding[];

const LEAST_CHUNK = 64;

/** Node's own call for each frame: right on every Node, and what is not known is left to it. */
export const zstdByCalls: Unpack = (bytes, of) =>
  zstdDecompressSync(bytes, { ...ZSTD, maxOutputLength: of, chunkSize: Math.max(of, LEAST_CHUNK) });

/** What Node's own calls are made of (lib/zlib.js). */
interface Decoder {
  readonly _handle?: {
    /** `to` and from where on, and so on; false: it has failed. */
    writeSync?(flush: number, from: Buffer, at: number, bytes: number, to: Buffer, toAt: number, room: number): unknown;
  };
  /** After a write: how much room is left, and how many bytes are. */
  readonly _writeState?: Uint32Array;
  readonly destroyed: boolean;
}

/** Where the decoder was looked into: another Node that takes other arguments would end the process. */
const KNOWN_NODES: readonly number[] = [22, 24];

/**
 * One decoder and one buffer for all frames: by calls, each frame has new ones, which costs as much again as the work itself,
 * and 30 MB of memory.
 */
function openZstd(): Unpack {
  if (!KNOWN_NODES.includes(Number.parseInt(process.versions.node, 10))) return zstdByCalls;
  const decoder = createZstdDecompress(ZSTD).on("error", () => {}) as unknown as Decoder;
  const { _handle: handle, _writeState: state } = decoder;
  if (typeof handle?.writeSync !== "function" || !(state instanceof Uint32Array)) return zstdByCalls;
  const whole = Buffer.allocUnsafeSlow(DATA_FRAME_LIMIT_BYTES);
  return (bytes, of) => {
    state.set([of, bytes.length]);
    handle.writeSync?.(constants.ZSTD_e_flush, bytes, 0, bytes.length, whole, 0, of);
    const [room = of, left = bytes.length] = state;
    if (decoder.destroyed || left > 0) throw new Error(`${left} bytes of ${bytes.length} were not taken`);
    return whole.subarray(0, of - room);
  };
}

/** Hands what frames stand for to a receiver; what it returns is what that returns. */
export function unpackTo(receiver: Receiver): (bytes: Uint8Array, frame: DataFrame) => ReturnType<Receiver["write"]> {
  let held: Buffer | undefined;
  let used = 0;
  const opened = new Map<Encoding, Unpack>();
  const unpackOf = (as: Encoding) => {
    const unpack = opened.get(as) ?? OPEN[as]?.();
    if (unpack !== undefined) opened.set(as, unpack);
    return unpack;
  };
  const refuse = async (problem: string, cause?: unknown): Promise<never> => {
    await receiver.abort();
    throw new AgentError({ reason: "bad-request", detail: `a compressed frame ${problem}` }, cause);
  };
  return (bytes, { as, bytes: length, of = 0 }) => {
    if (as === undefined) return receiver.write(bytes);
    const unpack = unpackOf(as);
    if (unpack === undefined) return refuse(`of ${as}, which this host can not read`);
    if (Math.max(length, of) > DATA_FRAME_LIMIT_BYTES) return refuse(`of ${Math.max(length, of)} bytes`);
    held ??= Buffer.allocUnsafeSlow(DATA_FRAME_LIMIT_BYTES);
    held.set(bytes, used);
    used += bytes.length;
    if (used < length) return undefined;
    used = 0;
    let whole: Uint8Array;
    try {
      whole = unpack(held.subarray(0, length), of);
    } catch (error) {
      return refuse("that can not be read", error);
    }
    return whole.length === of ? receiver.write(whole) : refuse("that stands for less than it says");
  };
}
