/** A Go server by HUP under a stand-in for einhorn, which takes no release that has not acked. */
import { testBadReleases } from "../../support/story/bad-releases.ts";
import { PRODUCTS } from "../../support/story/products.ts";
import { testStory } from "../../support/story/story.ts";

testStory(PRODUCTS.einhorn);
testBadReleases(PRODUCTS.einhorn);
