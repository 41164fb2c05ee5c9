/** Starlet under Server::Starter by HUP. A release that crashes as it starts is not taken; one that hangs is, after a second. */
import { testSample } from "../../support/load/sample-contract.ts";
import { testBadReleases } from "../../support/story/bad-releases.ts";
import { PRODUCTS } from "../../support/story/products.ts";
import { testStory } from "../../support/story/story.ts";

testSample(PRODUCTS["server-starter"].sample);
testStory(PRODUCTS["server-starter"]);
testBadReleases(PRODUCTS["server-starter"]);
