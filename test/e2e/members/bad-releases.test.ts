/** What a bad release costs where others of its kind go on: nothing, but for what a process that crashes had let in. */
import { describe } from "node:test";
import { testBadReleases } from "../../support/story/bad-releases.ts";
import type { StorySample } from "../../support/story/catalog.ts";

const ACCEPTED = { mayLose: { "late-crash": "accepted" } } as const;

/** Whether they are two or three, in whatever language. */
const ENTRIES: readonly StorySample[] = [
  { sample: "go-members", asks: "shop:shop_01: start", ...ACCEPTED },
  { sample: "go-members", asks: "shop:shop_00: stop", program: { reload: "rolling", members: 3 }, ...ACCEPTED },
  { sample: "node-members", asks: "shop:shop_01: start", hasLauncher: true, ...ACCEPTED },
  { sample: "python-members", asks: "shop:shop_01: start", hasLauncher: true, ...ACCEPTED },
];

describe("bad releases of", { concurrency: 3 }, () => {
  for (const entry of ENTRIES) testBadReleases(entry);
});
