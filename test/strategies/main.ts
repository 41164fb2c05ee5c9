/**
 * Runs the comparison and every bad release over all programs of the catalog and some that CI leaves out, one after the
 * other, and writes test/results/strategies/, from which scripts/strategy-docs.ts makes the tables of docs/strategies.md.
 *
 *   node test/strategies/main.ts [SAMPLE...]
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runInNetwork } from "../support/network.ts";
import type { Cleanup } from "../support/rig.ts";
import { assertSurvived, tryBadRelease } from "../support/story/bad-release.ts";
import {
  BAD_RELEASES,
  type BadRelease,
  COMPARED,
  presetOfStory,
  resultNameOf,
  type StorySample,
} from "../support/story/catalog.ts";
import { compare } from "../support/story/comparison.ts";
import { type StoryHost, startStoryHost } from "../support/story/host.ts";
import type { Losses } from "../support/story/losses.ts";
import { machineWords } from "../support/story/machine.ts";
import type { StrategyResult } from "../support/story/results.ts";

const RESULTS = fileURLToPath(new URL("../results/strategies/", import.meta.url));
const IN_NETWORK = "ZDR_STORY_NETWORK";
const TIMEOUT_MS = 600_000;

const tell = (text: string) => process.stdout.write(`${text}\n`);

async function withHost<T>(entry: StorySample, launched: boolean, work: (host: StoryHost) => Promise<T>): Promise<T> {
  const cleaning: (() => Promise<void>)[] = [];
  const cleanup: Cleanup = { after: (clean) => void cleaning.push(clean) };
  try {
    const host = await startStoryHost(cleanup, entry, { launched });
    const { code, stdout, stderr } = await host.deploy("v1", { release: "v1" });
    assert.equal(code, 0, `${stdout}${stderr}`);
    return await work(host);
  } finally {
    for (const clean of cleaning.reverse()) await clean();
  }
}

async function lossesOf(host: StoryHost, entry: StorySample): Promise<Partial<Record<BadRelease, Losses>>> {
  const found: Partial<Record<BadRelease, Losses>> = {};
  for (const flaw of entry.flaws ?? BAD_RELEASES) {
    const tried = await tryBadRelease(host, flaw);
    await assertSurvived(host, entry, flaw, tried);
    found[flaw] = tried.losses;
    const { failed, sent, refused, silenceMs } = tried.losses;
    tell(`${entry.sample}, ${flaw}: ${failed} of ${sent} lost, ${refused} refused, longest silence ${silenceMs} ms`);
    if (entry.deafAfter?.includes(flaw)) await host.ok("restart");
  }
  return found;
}

async function measure(entry: StorySample): Promise<void> {
  const name = resultNameOf(entry);
  const comparison = await withHost(entry, false, (host) => compare(host, entry));
  tell(`${name}: ${JSON.stringify(comparison)}`);
  const losses = await withHost(entry, true, (host) => lossesOf(host, entry));
  const measured = new Date().toISOString();
  const result: StrategyResult = {
    sample: entry.sample,
    preset: presetOfStory(entry),
    measured,
    machine: machineWords(),
    comparison,
    losses,
  };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}${name}.json`, `${JSON.stringify(result, null, 2)}\n`);
}

async function measureInNetwork(entry: StorySample): Promise<void> {
  const options = { migrates: true, env: { [IN_NETWORK]: "1" }, timeoutMs: TIMEOUT_MS };
  const args = [resultNameOf(entry)];
  const { code, stdout, stderr } = await runInNetwork(fileURLToPath(import.meta.url), { ...options, args });
  tell(stdout.trimEnd());
  assert.equal(code, 0, stderr);
}

const names = process.argv.slice(2);
for (const entry of COMPARED.filter((one) => names.length === 0 || names.includes(resultNameOf(one)))) {
  const isInner = process.env[IN_NETWORK] !== undefined;
  try {
    await (entry.migrates === true && !isInner ? measureInNetwork(entry) : measure(entry));
  } catch (error) {
    // The others can be measured all the same.
    process.stderr.write(`${resultNameOf(entry)}: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
