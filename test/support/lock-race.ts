/** A crowd of real processes that wait for one lock, and a holder that is killed under their eyes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { layoutOf } from "../../agent/core/layout.ts";
import type { LockDriverOptions } from "./drivers/lock-driver.ts";

const DRIVER = fileURLToPath(new URL("drivers/lock-driver.ts", import.meta.url));
/** Every so many of those who wait are killed as soon as they have the lock. */
const DIES_EVERY = 4;

/** A process that wants the lock; LockDriverOptions says what for. */
export interface LockDriver {
  /** Resolves when it has said so. */
  saidSoon(word: string): Promise<void>;
  readonly ended: Promise<unknown>;
  /** Kills it, and resolves when it is gone. */
  end(): Promise<void>;
}

/** One round. Fails if two were in at a time, or somebody never got in. */
export async function raceForLock(waiters: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zdr-lock-"));
  const started: LockDriver[] = [];
  try {
    const layout = layoutOf(folder);
    await mkdir(layout.zdr);
    const journal = join(folder, "journal");
    const start = (act: LockDriverOptions["act"]): LockDriver => {
      const claim = { by: { user: "ann", host: "test" }, why: act };
      const driver = startLockDriver({ deployTo: folder, journal, act, claim });
      started.push(driver);
      return driver;
    };
    const holder = start("hold");
    await holder.saidSoon("in");
    const crowd = Array.from({ length: waiters }, (_, index) => start(index % DIES_EVERY === 0 ? "die" : "pass"));
    await Promise.all(crowd.map((one) => one.saidSoon("waiting")));
    await holder.end();
    await Promise.all(crowd.map((one) => one.ended));
    const lines = (await readFile(journal, "utf8")).trim().split("\n");
    assertOneAtATime(lines);
    const dead = Math.ceil(waiters / DIES_EVERY);
    assert.equal(lines.filter((line) => line.startsWith("in ")).length, waiters + 1, "each of them got in, once");
    assert.equal(lines.filter((line) => line.startsWith("out ")).length, waiters - dead);
    assert.deepEqual(await readdir(layout.zdr), [`lock.${waiters + 1}`], "of all the locks the last one is left");
  } finally {
    await Promise.all(started.map((one) => one.end()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** After `in` comes the same one's `out`, or, where it was killed, the next one's `in`. */
function assertOneAtATime(lines: readonly string[]): void {
  let within: string | undefined;
  for (const line of lines) {
    const [what, pid] = line.split(" ");
    assert.notEqual(what, "BESIDE", `two held the lock at once: ${line}`);
    if (what === "out") assert.equal(pid, within, lines.join("\n"));
    within = what === "in" ? pid : undefined;
  }
}

export function startLockDriver(options: LockDriverOptions): LockDriver {
  const child = spawn(process.execPath, [DRIVER, JSON.stringify(options)], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  const said: string[] = [];
  const lines = createInterface(child.stdout).on("line", (line) => said.push(line));
  return {
    ended,
    saidSoon: async (word) => {
      while (!said.includes(word)) {
        const more = await Promise.race([once(lines, "line"), ended.then(() => undefined)]);
        if (more === undefined && !said.includes(word)) throw new Error(`ended without saying ${word}`);
      }
    },
    end: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
