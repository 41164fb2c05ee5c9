/** Every bad release of each program of the catalog, several programs at once: mostly they wait. */
import { describe } from "node:test";
import { fileURLToPath } from "node:url";
import { testBadReleases } from "../../support/story/bad-releases.ts";
import { forEachStory } from "../../support/story/each.ts";

describe("bad releases of", { concurrency: 4 }, () => forEachStory(fileURLToPath(import.meta.url), testBadReleases));
