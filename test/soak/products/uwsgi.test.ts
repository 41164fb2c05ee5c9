/** uWSGI by HUP. It ends its old workers before it loads the new release. */
import { testBadReleases } from "../../support/story/bad-releases.ts";
import { PRODUCTS } from "../../support/story/products.ts";
import { testStory } from "../../support/story/story.ts";

testStory(PRODUCTS.uwsgi);
testBadReleases(PRODUCTS.uwsgi);
