/** The matrix of test/e2e/crash/, for each program of the catalog; writes test/results/crash/. */
import { fileURLToPath } from "node:url";
import { testCrashes } from "../support/crash/matrix.ts";
import { writeMatrix } from "../support/crash/results.ts";
import { forEachStory } from "../support/story/each.ts";

const HOSTS = 8;
const TIMEOUT_MS = 3_600_000;

forEachStory(
  fileURLToPath(import.meta.url),
  ({ sample }) => testCrashes(sample, { hosts: HOSTS, onEnd: writeMatrix }),
  TIMEOUT_MS,
);
