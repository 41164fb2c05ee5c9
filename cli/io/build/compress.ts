/**
 * Frames of an upload, compressed for the way. Each stands alone, so that a host bounds what it becomes and any of them can be sent
 * to any host. The work is done off the main thread, one frame ahead of the one that is sent.
 */
import { promisify } from "node:util";
import { brotliCompress, constants, zstdCompress } from "node:zlib";
import type { Encoding } from "../../../agent/wire/stage.ts";

export interface Frame {
  readonly bytes: Uint8Array;
  /** Absent: as it is. Else how it was compressed, and how many bytes it was. */
  readonly packed?: { readonly as: Encoding; readonly of: number };
}

/** A frame that does not become a sixteenth smaller goes as it is, and costs the host nothing. */
const WORTH = 15 / 16;

const zstd = promisify(zstdCompress);
const brotli = promisify(brotliCompress);
/** The quickest of each: they keep up with a line of 1 Gbit/s, and a level more gains a tenth. */
const COMPRESS: Readonly<Record<Encoding, (bytes: Buffer) => Promise<Buffer>>> = {
  zstd: (bytes) => zstd(bytes, { chunkSize: bytes.length + 1024, params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
  br: (bytes) =>
    brotli(bytes, {
      chunkSize: bytes.length + 1024,
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 1,
        // No more than the host takes (agent/io/release/unpack.ts): that of the longest frame.
        [constants.BROTLI_PARAM_LGWIN]: 20,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
};

/** `frames`: each keeps its bytes until three more were asked for. So does what comes back. */
export async function* compressFrames(frames: AsyncIterable<Buffer>, as: Encoding): AsyncGenerator<Frame> {
  let ahead: Promise<Frame> | undefined;
  try {
    for await (const bytes of frames) {
      const next = compressed(bytes, as);
      next.catch(() => {});
      const ready = ahead;
      ahead = next;
      if (ready !== undefined) yield await ready;
    }
    if (ahead !== undefined) yield await ahead;
  } finally {
    await ahead?.catch(() => {});
  }
}

async function compressed(bytes: Buffer, as: Encoding): Promise<Frame> {
  const smaller = await COMPRESS[as](bytes);
  return smaller.length < bytes.length * WORTH ? { bytes: smaller, packed: { as, of: bytes.length } } : { bytes };
}

export async function* asTheyAre(frames: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  for await (const bytes of frames) yield { bytes };
}
