/**
 * One of many that want the lock of a host. Says `waiting` while somebody else holds it, `in` when it has got it. What it
 * then does, and whether anybody else is in there, stands in a journal that all of them append to.
 */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { layoutOf } from "../../../agent/core/layout.ts";
import { type Claim, takeLock } from "../../../agent/io/lock.ts";
import { readProcess } from "../../../agent/io/process/processes.ts";

/** `hold`: keep it until killed; `pass`: give it up; `die`: be killed with it in hand. */
export interface LockDriverOptions {
  readonly deployTo: string;
  readonly journal: string;
  readonly act: "hold" | "pass" | "die";
  /** What it says of itself. */
  readonly claim: Claim;
}

/** Far longer than any test: who gives up has been forgotten. */
const PATIENCE_MS = 240_000;

const { deployTo, journal, act, claim }: LockDriverOptions = JSON.parse(process.argv[2] ?? "{}");
const inside = `${journal}.inside`;
/** Shorter than the agent's, so that as many as can be judge one dead holder at the same moment. */
const POLL_MS = 3;
const STAY_MS = 2;

const say = (word: string) => process.stdout.write(`${word}\n`);
const write = (what: string) => appendFileSync(journal, `${what} ${process.pid}\n`);
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Fails where another is in there that still lives. */
function enter(): void {
  try {
    writeFileSync(inside, String(process.pid), { flag: "wx" });
  } catch {
    const other = Number(readFileSync(inside, "utf8"));
    const found = readProcess(other);
    if (found !== undefined && !found.isZombie) write(`BESIDE ${other}`);
    rmSync(inside, { force: true });
    writeFileSync(inside, String(process.pid), { flag: "wx" });
  }
  write("in");
}

async function main(): Promise<void> {
  let hasTold = false;
  const lock = await takeLock(layoutOf(deployTo), claim, () => new Date(), {
    waitMs: PATIENCE_MS,
    now: () => performance.now(),
    sleep: () => sleep(POLL_MS),
    gone: new AbortController().signal,
    tell: () => {
      if (!hasTold) say("waiting");
      hasTold = true;
    },
  });
  enter();
  say("in");
  if (act === "hold") await sleep(PATIENCE_MS);
  await sleep(STAY_MS);
  if (act === "die") process.kill(process.pid, "SIGKILL");
  rmSync(inside);
  write("out");
  lock.release();
}

void main();
