/** The same deploys onto a disk: what staging takes, and how much of that is waiting for the disk to have it for good. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Figure } from "../../scripts/bench-result.ts";
import { makeBinaryBuild, makeTreeBuild, stampBuild, stampTree } from "./builds.ts";
import { withHost } from "./host.ts";
import { stagedAfter } from "./tree.ts";
import { median, type Timing, time } from "./turns.ts";

const ROUNDS = 3;
/** In the repository: /tmp may be no disk. */
const ON_DISK = fileURLToPath(new URL("../../.tmp", import.meta.url));

const BUILDS = [
  { what: "34 MB in one file", make: makeBinaryBuild, stamp: stampBuild },
  { what: "114 MB in 12,000 files", make: makeTreeBuild, stamp: stampTree },
] as const;

export async function measureDisk(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { what, make, stamp } of BUILDS) {
    await withHost(ON_DISK, async (host) => {
      const { rig } = host;
      const build = join(rig.dir, "build");
      await make(build);
      await rig.addSample("go-overseer", { watch: 0 }, { meter: 0 });
      await rig.configure({ build: { path: build }, keep: ROUNDS + 2 });
      await time(host.zdr("setup"));
      const staged: number[] = [];
      const durable: number[] = [];
      for (let round = 0; round <= ROUNDS; round++) {
        await stamp(build, `disk-${round}`);
        const timing = await time(host.zdr("deploy", "--json", "--tag", `disk-${round}`));
        if (round === 0) continue;
        staged.push(stagedAfter(timing));
        durable.push(durableAfter(timing));
      }
      figures.push(
        { what: `${what}, staged on a disk`, value: median(staged), unit: "ms" },
        { what: `${what}, of that made durable in`, value: median(durable), unit: "ms" },
      );
    });
  }
  return figures;
}

/** What the step `stage` says of it. */
function durableAfter({ lines }: Timing): number {
  const found = lines.map(({ text }) => /durable after (\d+) ms/.exec(text)?.[1]).find((ms) => ms !== undefined);
  if (found === undefined) throw new Error("the deploy did not say how long it waited for the disk");
  return Number(found);
}
