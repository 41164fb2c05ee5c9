/**
 * Uploads that were packed for the way. Packing takes less of both ends than sending what it saves: a byte costs more to
 * encrypt, to pass through sshd and to read than to pack, and on most lines it costs time as well.
 *
 * - What comes out is checked like what comes plain: size and hash of every file are the manifest's, whatever was sent.
 * - Memory does not grow with the upload: no more comes out than is asked for, and no more is taken in than has come out.
 */
import { once } from "node:events";
import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { AgentError } from "../../core/failure.ts";
import type { CodecName } from "../../protocol.ts";
import type { Receiver } from "./receive.ts";

/** Pieces that come out, and about as much waits on either side. */
const PIECE_BYTES = 256 * 1024;
const OPTIONS = { chunkSize: PIECE_BYTES, highWaterMark: 4 * PIECE_BYTES };

/** The best first. zstd came with Node 22.15. */
export function knownCodecs(): CodecName[] {
  return typeof zlib.createZstdDecompress === "function" ? ["zstd", "brotli"] : ["brotli"];
}

/** A receiver of packed bytes, for a receiver of plain ones. */
export function unpackInto(receiver: Receiver, codec: CodecName): Receiver {
  const unpacker = codec === "zstd" ? zlib.createZstdDecompress(OPTIONS) : zlib.createBrotliDecompress(OPTIONS);
  const drained = drain(unpacker, receiver);
  drained.catch(() => {}); // heard of at the next write, or at the end
  return {
    async write(chunk) {
      if (!unpacker.write(chunk)) await Promise.race([once(unpacker, "drain"), drained]);
    },
    async end() {
      unpacker.end();
      await drained;
      return receiver.end();
    },
    async abort() {
      unpacker.destroy();
      await drained.catch(() => {});
      await receiver.abort();
    },
  };
}

/** The next piece is unpacked, in a thread of its own, while this one is written. */
async function drain(unpacker: Transform, receiver: Receiver): Promise<void> {
  try {
    for await (const piece of unpacker) await receiver.write(piece);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    await receiver.abort();
    const code = error instanceof Error && "code" in error ? error.code : error;
    throw new AgentError({ reason: "upload-cut", detail: `what came can not be unpacked (${code})` }, error);
  }
}
