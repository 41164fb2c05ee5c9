/** What test/e2e/disk does at one moment of each phase, at all of them. */
import { testDisks } from "../support/disk/matrix.ts";

await testDisks();
