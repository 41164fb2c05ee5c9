/** The story of each program of the catalog, several at once: mostly they wait. */
import { describe } from "node:test";
import { fileURLToPath } from "node:url";
import { forEachStory } from "../../support/story/each.ts";
import { testStory } from "../../support/story/story.ts";

describe("the story of", { concurrency: 3 }, () => forEachStory(fileURLToPath(import.meta.url), testStory));
