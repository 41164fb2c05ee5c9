/** What a whole matrix has shown: the shape of test/results/crash/, from which scripts/reliability-docs.ts makes its tables. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { presetOfStory, resultNameOf, type StorySample } from "../story/catalog.ts";
import { machineWords } from "../story/machine.ts";
import type { CrashCase, CrashResult } from "./case.ts";
import { FAULT_NAMES, type FaultName } from "./faults.ts";

const RESULTS = fileURLToPath(new URL("../../results/crash/", import.meta.url));

/** test/results/crash/<sample>.json */
export interface CrashMatrix {
  readonly sample: string;
  readonly preset: string;
  /** ISO 8601, when it ended. */
  readonly measured: string;
  readonly machine: string;
  readonly seconds: number;
  readonly hosts: number;
  readonly cases: number;
  /** Those after which everything was as it has to be. */
  readonly right: number;
  readonly requests: number;
  readonly failed: number;
  /** At `current`. */
  readonly looks: number;
  readonly rows: readonly CrashRow[];
}

export interface CrashRow extends Pick<CrashCase, "verb" | "moment"> {
  /** How the command ended that was cut short; null: killed. */
  readonly exits: Readonly<Partial<Record<FaultName, number | null>>>;
  readonly requests: number;
  readonly failed: number;
}

export interface MatrixRun extends Pick<CrashMatrix, "seconds" | "hosts"> {
  readonly entry: StorySample;
  readonly results: readonly CrashResult[];
}

export async function writeMatrix({ entry, seconds, hosts, results }: MatrixRun): Promise<void> {
  const sample = resultNameOf(entry);
  const matrix: CrashMatrix = {
    ...{ sample, preset: presetOfStory(entry), measured: new Date().toISOString(), machine: machineWords() },
    ...{ seconds: Math.round(seconds), hosts, cases: results.length },
    right: results.filter(({ problems }) => problems.length === 0).length,
    ...{ requests: sum(results, "requests"), failed: sum(results, "failed"), looks: sum(results, "looks") },
    rows: rowsOf(results),
  };
  await mkdir(RESULTS, { recursive: true });
  await writeFile(join(RESULTS, `${sample}.json`), `${JSON.stringify(matrix, null, 2)}\n`);
}

/** In the order in which a verb comes to its moments. */
function rowsOf(results: readonly CrashResult[]): CrashRow[] {
  const firsts = results.filter(({ fault }) => fault === FAULT_NAMES[0]);
  const inOrder = firsts.sort((a, b) => a.verb.localeCompare(b.verb) || a.nth - b.nth);
  return inOrder.map(({ verb, moment }) => {
    const all = results.filter((one) => one.verb === verb && one.moment === moment);
    const exits = Object.fromEntries(FAULT_NAMES.map((fault) => [fault, all.find((one) => one.fault === fault)?.exit]));
    return { verb, moment, exits, requests: sum(all, "requests"), failed: sum(all, "failed") };
  });
}

function sum(results: readonly CrashResult[], key: "requests" | "failed" | "looks"): number {
  return results.reduce((total, result) => total + result[key], 0);
}
