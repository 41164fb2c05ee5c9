/** An agent that can be stopped between any two things that it does, and the means to do that. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAll, DEFAULT_PLAN } from "../../../scripts/build.ts";
import { eventually } from "../eventually.ts";
import type { Cleanup, Rig } from "../rig.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const STAND_INS = { [join(ROOT, "agent/io/moment.ts")]: join(ROOT, "test/support/drivers/moment-driver.ts") };

/** Builds zdr with such an agent into a folder of its own, for startRig's `dist`. */
export async function buildSteered(cleanup: Cleanup): Promise<string> {
  await mkdir(join(ROOT, ".tmp"), { recursive: true });
  const folder = await mkdtemp(join(ROOT, ".tmp/steered-"));
  cleanup.after(() => rm(folder, { recursive: true, force: true }));
  const outDir = join(folder, "dist");
  await buildAll({ ...DEFAULT_PLAN, outDir, standIns: STAND_INS });
  return outDir;
}

export interface Moments {
  /** From now on the next agent that comes there stays there: `flip: renamed #1`. */
  stopAt(nth: string): Promise<void>;
  /** Its pid, once it is there; undefined when `over` comes first, and then nobody is waited for any more. */
  reached(over: Promise<unknown>): Promise<number | undefined>;
  /** Lets it go on. */
  goOn(): Promise<void>;
  /** Every moment since the last call, in order. */
  takeTrace(): Promise<string[]>;
}

export async function steer(rig: Pick<Rig, "dir">): Promise<Moments> {
  const folder = join(rig.dir, "moments");
  const [wanted, reached, trace] = ["wanted", "reached", "trace"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(folder, { recursive: true });
  await writeFile(trace, "");
  return {
    stopAt: (nth) => writeFile(wanted, nth),
    async reached(over) {
      let isOver = false;
      const end = () => {
        isOver = true;
      };
      over.then(end, end);
      await eventually(() => existsSync(reached) || isOver, { name: "an agent is there", timeoutMs: 60_000 });
      if (existsSync(reached)) return Number(await readFile(reached, "utf8"));
      await rm(wanted, { force: true });
      return undefined;
    },
    goOn: () => rm(reached, { force: true }),
    async takeTrace() {
      const text = await readFile(trace, "utf8");
      await writeFile(trace, "");
      return text.split("\n").filter((line) => line !== "");
    },
  };
}
