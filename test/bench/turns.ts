/** Commands measured against each other: both in turn, round by round, so that a busy moment of the machine falls on both. */

import { spawn } from "node:child_process";
import type { Samples } from "../../scripts/bench-result.ts";

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Timing {
  /** From the start of the process to its end. */
  readonly ms: number;
  /** When each line of stdout came, since the start. */
  readonly lines: readonly { readonly atMs: number; readonly text: string }[];
}

/** Runs a command to its end; one that fails is no measurement. */
export function time({ argv: [file, ...args], cwd, env }: Command): Promise<Timing> {
  const startedAt = performance.now();
  const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const lines: Timing["lines"][number][] = [];
  let rest = "";
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const atMs = performance.now() - startedAt;
    const texts = `${rest}${chunk}`.split("\n");
    rest = texts.pop() ?? "";
    for (const text of texts) lines.push({ atMs, text });
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    said += chunk;
  });
  return new Promise((resolve, reject) => {
    let ms = 0;
    child.on("error", reject);
    child.on("exit", () => {
      ms = performance.now() - startedAt;
    });
    child.on("close", (code) => {
      if (code === 0) resolve({ ms, lines });
      else reject(new Error(`${file} ${args.join(" ")}: exit ${code}\n${said}`));
    });
  });
}

export interface Side {
  readonly name: string;
  /** One run; in milliseconds. */
  run(round: number): Promise<number>;
}

/** Runs A, B, A, B, …; the first round warms up and is not counted. */
export async function inTurns<const Sides extends readonly Side[]>(
  sides: Sides,
  rounds: number,
): Promise<{ readonly [Index in keyof Sides]: Samples }> {
  const measured = sides.map(() => [] as number[]);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, side] of sides.entries()) {
      const ms = await side.run(round);
      if (round > 0) measured[index]?.push(Math.round(ms * 10) / 10);
    }
  }
  const samples = sides.map(({ name }, index) => samplesOf(name, measured[index] ?? []));
  return samples as unknown as { readonly [Index in keyof Sides]: Samples };
}

export function samplesOf(name: string, ms: readonly number[]): Samples {
  return { name, medianMs: median(ms), ms };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return low === undefined || high === undefined ? Number.NaN : Math.round((low + high) * 5) / 10;
}
