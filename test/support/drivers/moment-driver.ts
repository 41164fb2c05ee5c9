/**
 * Stands in for agent/io/moment.ts in the tests' own agent: writes every moment down, and stays at the one that the test
 * waits for until the test lets it go on. All of it by files beside deploy_to, so that agents of several hosts can be
 * steered at once; without that folder it does nothing.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The loader gives an agent the folder it lies in, which is `.zdr`. */
const FOLDER = join(__dirname, "../../moments");
const WANTED = join(FOLDER, "wanted");
/** The pid of the agent that is there; gone when it may go on. */
const REACHED = join(FOLDER, "reached");
/** A test that has forgotten its agent must not keep it for ever. */
const PATIENCE_MS = 60_000;
const LOOK_INTERVAL_MS = 2;

const isWatched = existsSync(FOLDER);
const counts = new Map<string, number>();

export function moment(name: string): void {
  if (!isWatched) return;
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  const nth = `${name} #${count}`;
  try {
    appendFileSync(join(FOLDER, "trace"), `${nth}\n`);
  } catch {
    // Under a limit on the size of files nothing can be written, and that is not what is tested.
  }
  if (existsSync(WANTED) && readFileSync(WANTED, "utf8") === nth) stay();
}

/** Synchronously: nothing else of the agent goes on either. */
function stay(): void {
  rmSync(WANTED);
  writeFileSync(`${REACHED}.new`, String(process.pid));
  renameSync(`${REACHED}.new`, REACHED);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const deadline = performance.now() + PATIENCE_MS;
  while (existsSync(REACHED) && performance.now() < deadline) Atomics.wait(pause, 0, 0, LOOK_INTERVAL_MS);
}
