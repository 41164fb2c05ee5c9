/** puma by USR1: one worker after the other, so that a release that can not be loaded costs no request. */
import { testSample } from "../../support/load/sample-contract.ts";
import { testBadReleases } from "../../support/story/bad-releases.ts";
import { PRODUCTS } from "../../support/story/products.ts";
import { testStory } from "../../support/story/story.ts";

testSample(PRODUCTS.puma.sample);
testStory(PRODUCTS.puma);
testBadReleases(PRODUCTS.puma);
