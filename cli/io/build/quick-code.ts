import { setFlagsFromString } from "node:v8";

/** From Node 24 on, V8 has Maglev, which makes code that is nearly as quick in a tenth of the time. */
const HAS_MAGLEV = Number.parseInt(process.versions.node, 10) >= 24;

/**
 * Has V8 leave its last optimization out while `work` lasts. A deploy calls few functions, and each of them mostly waits for the kernel
 * or for OpenSSL: to optimize them takes a tenth of all that this end costs, and an upload is over before that has come back.
 */
export async function withoutOptimizing<T>(work: () => Promise<T>): Promise<T> {
  if (!HAS_MAGLEV) return await work();
  setFlagsFromString("--no-opt");
  try {
    return await work();
  } finally {
    // Also because the code cache (scripts/launcher.cjs) is good only for the flags that it was made with.
    setFlagsFromString("--opt");
  }
}
