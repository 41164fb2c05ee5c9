import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { withoutOptimizing } from "../../../../../cli/io/build/quick-code.ts";

const HAS_MAGLEV = Number.parseInt(process.versions.node, 10) >= 24;

let texts = 0;
/** Each time another one, since V8 remembers what it has compiled; as long as the others, since that is all of it that a cache is compared by. */
const newText = () => `(function () { return ${1000 + ++texts}; })`;
const cachedData = new Script(newText()).createCachedData();

/** V8's own word: it refuses what was compiled under other flags. */
const areFlagsChanged = () => new Script(newText(), { cachedData }).cachedDataRejected === true;

function loading(): { readonly loaded: Promise<void>; tell(): void } {
  let tell = () => {};
  const loaded = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return { loaded, tell: () => tell() };
}

after(() => setFlagsFromString("--opt"));

test("what is compiled is good until all has been loaded, and again when the work is over", async () => {
  const { loaded, tell } = loading();
  const seen = await withoutOptimizing(loaded, async () => {
    const before = areFlagsChanged();
    tell();
    await loaded;
    return { before, after: areFlagsChanged() };
  });
  assert.deepEqual(seen, { before: false, after: HAS_MAGLEV });
  assert.equal(areFlagsChanged(), false);
});

test("work that is over before all has been loaded changes no flag after it", async () => {
  const { loaded, tell } = loading();
  await withoutOptimizing(loaded, async () => undefined);
  tell();
  await loaded;
  assert.equal(areFlagsChanged(), false);
});

test("hosts that let nobody in end the wait too", async () => {
  const loaded = Promise.reject(new Error("refused"));
  const isChanged = await withoutOptimizing(loaded, async () => {
    await loaded.catch(() => undefined);
    return areFlagsChanged();
  });
  assert.equal(isChanged, HAS_MAGLEV);
});
