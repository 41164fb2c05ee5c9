/** unicorn by HUP. All its old workers are told to go at once. */
import { testSample } from "../../support/load/sample-contract.ts";
import { testBadReleases } from "../../support/story/bad-releases.ts";
import { PRODUCTS } from "../../support/story/products.ts";
import { testStory } from "../../support/story/story.ts";

testSample(PRODUCTS.unicorn.sample);
testStory(PRODUCTS.unicorn);
testBadReleases(PRODUCTS.unicorn);
