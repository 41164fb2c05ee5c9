/** Run as another user by prove.test.ts: looks at one process and prints what it found, with inodes as text. */
import { inspectProcesses } from "../../../agent/io/process/inspect.ts";
import { openProver } from "../../../agent/io/process/prover.ts";

/** `prover` absent: without root's help. `times`: how often to look. */
export interface DriverOptions {
  readonly pid: number;
  readonly root: readonly [string, string];
  readonly prover?: { readonly nodePath: string; readonly proveFile: string };
  readonly times?: number;
}

const { pid, root, prover: proverOptions, times = 1 }: DriverOptions = JSON.parse(process.argv[2] ?? "{}");
const prover = proverOptions === undefined ? "none" : openProver(proverOptions);
const wants = [{ tag: "v1", root: { dev: BigInt(root[0]), ino: BigInt(root[1]) } }];

async function main(): Promise<void> {
  for (let look = 0; look < times; look++) {
    const found = await inspectProcesses([pid], wants, { prover });
    process.stdout.write(`${JSON.stringify(found, (_, value) => (typeof value === "bigint" ? `${value}` : value))}\n`);
  }
}

// Ends by itself: neither the helper nor its pipes may hold it.
void main();
