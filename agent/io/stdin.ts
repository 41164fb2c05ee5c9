/**
 * Stdin, read into one buffer over and over. As a stream, Node makes a new buffer for every 64 KiB that it reads: for a
 * large upload that takes four times as long as reading them, and 60 MB more memory, since V8 is slow to give them back.
 */
import { Socket } from "node:net";
import type { Readable } from "node:stream";

/** More than a socket of Linux holds by default (net.core.wmem_default). */
const READ_BYTES = 256 * 1024;

/** Gives each chunk to `take`, which may not keep it: the next one comes in the same bytes. */
export function openStdin(take: (chunk: Uint8Array) => void): Readable {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const callback = (length: number) => {
    take(buffer.subarray(0, length));
    return true;
  };
  try {
    return new Socket({ fd: 0, readable: true, writable: false, onread: { buffer, callback } }).resume();
  } catch {
    // Neither a pipe nor a socket, as where somebody redirects a file.
    return process.stdin.on("data", take);
  }
}
