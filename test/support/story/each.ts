/** Tests of every program in the catalog; those that need a network of their own run the same file once more, in one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNetwork } from "../network.ts";
import { resultNameOf, STORIES, type StorySample } from "./catalog.ts";

/** The sample that the inner run is about. Also by hand: ZDR_STORY=go-grace node test/e2e/story/stories.test.ts */
const ONLY = "ZDR_STORY";
const IN_NETWORK = "ZDR_STORY_NETWORK";
const TIMEOUT_MS = 300_000;

interface EachOptions {
  /** Default: those that CI tells. */
  readonly stories?: readonly StorySample[];
  /** Of one in a network of its own. */
  readonly timeoutMs?: number;
}

/** `define`: a suite or a test whose title begins with the sample's name. */
export function forEachStory(
  file: string,
  define: (entry: StorySample) => void,
  { stories = STORIES, timeoutMs = TIMEOUT_MS }: EachOptions = {},
): void {
  const only = process.env[ONLY];
  const chosen = stories.filter((entry) => only === undefined || only === resultNameOf(entry));
  // A name that is misspelt would pass, with nothing looked at.
  if (chosen.length === 0) throw new Error(`${ONLY}=${only}: it is none of ${stories.map(resultNameOf).join(", ")}`);
  for (const entry of chosen) {
    if (entry.migrates !== true || process.env[IN_NETWORK] !== undefined) define(entry);
    else test(`${entry.sample}, in a network of its own`, (t) => testInNetwork(t, file, entry, timeoutMs));
  }
}

async function testInNetwork(
  t: { diagnostic(text: string): void },
  file: string,
  entry: StorySample,
  timeoutMs: number,
): Promise<void> {
  const env = { [ONLY]: entry.sample, [IN_NETWORK]: "1" };
  const { code, stdout, stderr } = await runInNetwork(file, { migrates: true, env, timeoutMs });
  assert.equal(code, 0, `${stdout}${stderr}`);
  // A run that told nothing would end with 0 as well.
  assert.match(stdout, new RegExp(`(?:▶|✔|# Subtest:) ${entry.sample}`));
  for (const [, line = ""] of stdout.matchAll(/^(?:ℹ|#) (go-.*)$/gm)) t.diagnostic(line);
}
