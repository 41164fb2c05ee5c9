/**
 * Keeps an upload from being slowed down by V8's garbage collector.
 *
 * For every 32 KiB that is sent, ssh2 makes two buffers of that size, outside V8's heap. When some 15 MB of them have piled
 * up, V8 marks its whole heap, although nothing in it has changed: for 114 MB in 12,000 files that takes 0.4 s of CPU. A
 * minor collection takes less than a millisecond and frees them, and memory stays the same whatever is sent.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const COLLECT_EVERY_BYTES = 4 * 1024 * 1024;

let collect: (() => void) | undefined;
let sinceBytes = 0;

/** To be told of all bytes that are sent, to whichever host; every 4 MiB it has V8 collect what was used up. */
export function noteSent(bytes: number): void {
  sinceBytes += bytes;
  if (sinceBytes < COLLECT_EVERY_BYTES) return;
  sinceBytes = 0;
  collect ??= exposeCollector();
  collect();
}

/** A context that is made after the flag was set has `gc`; elsewhere nothing changes. */
function exposeCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  setFlagsFromString("--no-expose-gc");
  return typeof gc === "function" ? () => gc({ type: "minor" }) : () => undefined;
}
