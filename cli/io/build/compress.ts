/** Packs the tar stream of an upload for the way. Like agent/io/release/codec.ts, which unpacks it, it needs no more memory for more. */
import { pipeline } from "node:stream/promises";
import { constants, createBrotliCompress, createZstdCompress } from "node:zlib";
import type { CodecName } from "../../../agent/protocol.ts";

const PIECE_BYTES = 256 * 1024;
/** Binaries shrink to 37 %, text to 20 %; higher levels pack slower than most lines are. */
const ZSTD = {
  chunkSize: PIECE_BYTES,
  highWaterMark: PIECE_BYTES,
  params: { [constants.ZSTD_c_compressionLevel]: 1 },
};
const BROTLI = {
  chunkSize: PIECE_BYTES,
  highWaterMark: PIECE_BYTES,
  params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 20 },
};

/** Takes the next frame only when it is done with the one before, in a thread of its own. */
export async function* compress(frames: AsyncIterable<Buffer>, codec: CodecName): AsyncGenerator<Buffer> {
  const packer = codec === "zstd" ? createZstdCompress(ZSTD) : createBrotliCompress(BROTLI);
  const fed = pipeline(frames, packer);
  fed.catch(() => {}); // ends the pieces too
  yield* packer;
  await fed;
}
