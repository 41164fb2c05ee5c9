/**
 * Keeps memory flat while bytes stream through.
 *
 * Every 64 KiB that Node reads from a pipe is a buffer of its own, outside V8's heap. V8 collects young objects when the
 * heap's few hundred bytes for each have filled its young space, or when 64 MB of buffers have piled up: a large upload
 * then needs 60 MB more than a small one. A minor collection takes less than a millisecond and frees them.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const COLLECT_EVERY_BYTES = 16 * 1024 * 1024;

/** Tell it of bytes that came; every 16 MiB it has V8 collect what was used up. */
export function createCollector(): (bytes: number) => void {
  const collect = exposeCollector();
  let since = 0;
  return (bytes) => {
    since += bytes;
    if (since < COLLECT_EVERY_BYTES) return;
    since = 0;
    collect();
  };
}

/** A context that is made after the flag was set has `gc`; elsewhere nothing changes. */
function exposeCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  setFlagsFromString("--no-expose-gc");
  return typeof gc === "function" ? () => gc({ type: "minor" }) : () => undefined;
}
