import { setFlagsFromString } from "node:v8";

/**
 * Has V8 leave its last optimization out while `work` lasts. An upload calls few functions, and each of them mostly waits for
 * the kernel: to optimize them takes a tenth of all the processor time of a session, and what comes of it is hardly used.
 */
export async function withoutOptimizing<T>(work: () => Promise<T>): Promise<T> {
  setFlagsFromString("--no-opt");
  try {
    return await work();
  } finally {
    // Also because the code cache (io/code-cache.ts) is good only for the flags that it was made with.
    setFlagsFromString("--opt");
  }
}
