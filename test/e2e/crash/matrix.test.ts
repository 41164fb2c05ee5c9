import { testCrashes } from "../../support/crash/matrix.ts";
import { storyOf } from "../../support/story/catalog.ts";

testCrashes(storyOf("go-overseer"), { hosts: 8 });
