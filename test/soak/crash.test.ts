/**
 * The matrix of test/e2e/crash/, for each program of the catalog; writes test/results/crash/.
 *
 * Also by hand: ZDR_STORY=gunicorn for one of them, ZDR_MOMENTS="flip|slot" for some of its moments (then nothing is written).
 */
import { fileURLToPath } from "node:url";
import type { CrashResult } from "../support/crash/case.ts";
import { testCrashes } from "../support/crash/matrix.ts";
import { writeMatrix } from "../support/crash/results.ts";
import { COMPARED } from "../support/story/catalog.ts";
import { forEachStory } from "../support/story/each.ts";

const HOSTS = 8;
const TIMEOUT_MS = 3_600_000;
const { ZDR_MOMENTS } = process.env;

const extent = ZDR_MOMENTS === undefined ? { onEnd: writeMatrix } : { only: new RegExp(ZDR_MOMENTS) };

forEachStory(
  fileURLToPath(import.meta.url),
  (entry) => testCrashes(entry, { hosts: HOSTS, onResult: tellTrouble, ...extent }),
  { stories: COMPARED, timeoutMs: TIMEOUT_MS },
);

/** Else it would be an hour before anybody hears of it. */
function tellTrouble({ verb, moment, fault, problems }: CrashResult): void {
  if (problems.length > 0) process.stderr.write(`${verb}, ${moment}, ${fault}:\n${problems.join("\n")}\n`);
}
