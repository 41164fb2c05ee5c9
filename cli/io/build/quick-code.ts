import { setFlagsFromString } from "node:v8";

/** From Node 24 on, V8 has Maglev, which makes code that is nearly as quick in a tenth of the time. */
const HAS_MAGLEV = Number.parseInt(process.versions.node, 10) >= 24;

/**
 * Has V8 leave its last optimization out while `work` lasts, from when `loaded` has settled. A deploy calls few functions, and each of
 * them mostly waits for the kernel or for OpenSSL: to optimize them takes a tenth of all that this end costs, and an upload is over
 * before that has come back.
 *
 * Not before `loaded`: what V8 keeps compiled is good only for the flags that it was made with, so each of Node's own modules that is
 * loaded under another flag is compiled anew. With all that a deploy loads that was a twentieth of one in which nothing has changed.
 */
export async function withoutOptimizing<T>(loaded: Promise<unknown>, work: () => Promise<T>): Promise<T> {
  if (!HAS_MAGLEV) return await work();
  let isOver = false;
  const begin = () => {
    if (!isOver) setFlagsFromString("--no-opt");
  };
  loaded.then(begin, begin);
  try {
    return await work();
  } finally {
    isOver = true;
    // Also because the code cache (scripts/launcher.cjs) is good only for the flags that it was made with.
    setFlagsFromString("--opt");
  }
}
