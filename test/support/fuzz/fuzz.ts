/**
 * Parsers against whatever may come, `FUZZ_RUNS` cases each: some thousand in CI, always the same ones, and 100,000 or
 * more at night, other ones each time. Beside what a test says of each case: no case takes long, and nothing piles up.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { heldBytes } from "../memory.ts";
import { machineWords } from "../story/machine.ts";

const CI_RUNS = 2_000;
const CI_SEED = 20_261_120;
/** A case takes less than a millisecond where nothing is wrong, and minutes where a loop or a pattern is. */
const LONGEST_CASE_MS = 20_000;
const GROWTH_LIMIT_BYTES = 64 * 1024 * 1024;

const { FUZZ_RUNS } = process.env;
const IS_NIGHT = FUZZ_RUNS !== undefined;
export const RUNS = IS_NIGHT ? Number(FUZZ_RUNS) : CI_RUNS;
/** With FUZZ_SEED, a night's cases again. */
export const SEED = Number(process.env.FUZZ_SEED ?? (IS_NIGHT ? Date.now() % 2 ** 31 : CI_SEED));

const RESULTS = fileURLToPath(new URL("../../results/fuzz/", import.meta.url));

/** test/results/fuzz/<test file>.json: what a night has tried, from which scripts/reliability-docs.ts makes its table. */
export interface FuzzResult {
  readonly parser: string;
  /** ISO 8601, when it ended. */
  readonly measured: string;
  readonly machine: string;
  readonly seed: number;
  readonly tests: readonly FuzzedTest[];
}

export interface FuzzedTest {
  readonly title: string;
  readonly cases: number;
  /** Undefined: its cases were not timed one by one. */
  readonly longestMs?: number;
  /** Of this test alone, where it was run after the others: as in FuzzResult. */
  readonly measured?: string;
  readonly seed?: number;
}

export interface FuzzOptions {
  /** How much of RUNS in CI, for cases that cost more than a few milliseconds. Default 1. */
  readonly ciShare?: number;
  /** How much of RUNS at night; only for a parser that has more tests than this one. Default 1. */
  readonly nightShare?: number;
}

/** One test: `check` holds for every case. */
export function fuzz<T>(
  title: string,
  cases: fc.Arbitrary<T>,
  check: (value: T) => void | Promise<void>,
  { ciShare = 1, nightShare = 1 }: FuzzOptions = {},
): void {
  test(title, async (t) => {
    const before = heldBytes();
    let longestMs = 0;
    const property = fc.asyncProperty(cases, async (value) => {
      const startedAt = performance.now();
      await check(value);
      longestMs = Math.max(longestMs, performance.now() - startedAt);
    });
    const numRuns = Math.ceil(RUNS * (IS_NIGHT ? nightShare : ciShare));
    await fc.assert(property, { numRuns, seed: SEED, endOnFailure: IS_NIGHT });
    t.diagnostic(`${numRuns} cases of seed ${SEED}, the longest ${longestMs.toFixed(1)} ms`);
    assert.ok(longestMs < LONGEST_CASE_MS, `a case took ${longestMs} ms`);
    const grown = heldBytes() - before;
    assert.ok(grown < GROWTH_LIMIT_BYTES, `${grown} bytes were kept`);
    recordNight({ title, cases: numRuns, longestMs: Math.round(longestMs) });
  });
}

/** Only some tests of the file are run; of the others the last figures are kept. */
const IS_PART = process.execArgv.some((word) => word.startsWith("--test-name-pattern"));
const passed: FuzzedTest[] = [];

/** A test of this file has held for all of its cases. Only a night's figures are kept. */
export function recordNight(test: FuzzedTest): void {
  if (!IS_NIGHT) return;
  passed.push(test);
  const parser = basename(process.argv[1] ?? "", ".test.ts");
  const facts = { measured: new Date().toISOString(), machine: machineWords(), seed: SEED };
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${parser}.json`);
  const result: FuzzResult = IS_PART ? merged(file, parser, facts) : { parser, ...facts, tests: passed };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
}

function merged(
  file: string,
  parser: string,
  { measured, machine, seed }: Omit<FuzzResult, "parser" | "tests">,
): FuzzResult {
  const before: FuzzResult = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as FuzzResult)
    : { parser, measured, machine, seed, tests: [] };
  const again = new Map(passed.map((test) => [test.title, { ...test, measured, seed }]));
  const kept = before.tests.filter(({ title }) => !again.has(title));
  return { ...before, tests: [...kept, ...again.values()] };
}

/** Runs a parser that refuses by one kind of error; undefined stands for a refusal, and any other error is a bug. */
export function orRefused<T>(parse: () => T, isRefusal: (error: unknown) => boolean): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}
