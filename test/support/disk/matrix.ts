/** Moments of a deploy at which a disk can begin to make trouble, and every kind of trouble, each on a host of its own. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { buildSteered } from "../crash/moments.ts";
import type { Cleanup, Rig } from "../rig.ts";
import { type DiskResult, runDiskCase } from "./case.ts";
import { type DiskHost, startDiskHost } from "./host.ts";
import { TROUBLE_NAMES, type TroubleName } from "./troubles.ts";
import { mountMemory, mountRationed, whyNotRationed } from "./volumes.ts";

const MEMORY = { megabytes: 96, inodes: 2000 };
/** A moment that comes many times: its first time stands for all. */
const REPEATED = /^(?:watch: looked|incoming: part of a file written|program: processes proved|program: ready) #(?!1$)/;
const LEAST_CASES = 4;

/** `only`: these moments of a deploy; default: all that there are. */
export async function testDisks(only = /./): Promise<void> {
  const unrationed = await whyNotRationed();
  describe("a disk that makes trouble in the middle of a deploy", () => {
    const cleaning: (() => Promise<void>)[] = [];
    const cleanup: Cleanup = { after: (clean) => cleaning.push(clean) };
    const results = new Map<TroubleName, DiskResult[]>();
    const isPossible = (trouble: TroubleName) => trouble !== "a quota" || unrationed === undefined;
    before(async () => {
      const dist = await buildSteered(cleanup);
      const runAll = TROUBLE_NAMES.filter(isPossible).map(async (trouble) => {
        const host = await startDiskHost(cleanup, dist, (rig) => mountFor(trouble, cleanup, rig));
        const moments = (await traceDeploy(host)).filter((moment) => only.test(moment) && !REPEATED.test(moment));
        const own: DiskResult[] = [];
        results.set(trouble, own);
        for (const moment of moments) own.push(await runDiskCase(host, moment, trouble));
      });
      await Promise.all(runAll);
    });
    after(async () => {
      for (const clean of cleaning.reverse()) await clean();
    });

    for (const trouble of TROUBLE_NAMES) {
      const options = isPossible(trouble) ? {} : { skip: unrationed ?? true };
      test(`${trouble} is told, changes nothing that serves, and leaves no partial release`, options, (t) => {
        const own = results.get(trouble) ?? [];
        for (const { moment, exit } of own) t.diagnostic(`${moment}: ${exit ?? "can not begin here"}`);
        const begun = own.filter(({ exit }) => exit !== undefined);
        assert.ok(begun.length >= LEAST_CASES, `${begun.length} of ${own.length}`);
        const bad = own.filter(({ problems }) => problems.length > 0);
        assert.deepEqual(
          bad.map(({ moment, problems, said }) => `${moment}:\n${problems.join("\n")}\nit had said: ${said}`),
          [],
        );
        assert.ok(
          begun.some(({ exit }) => exit === 6),
          "while staging it is in the way",
        );
      });
    }
  });
}

function mountFor(trouble: TroubleName, cleanup: Cleanup, rig: Rig): Promise<void> {
  return trouble === "a quota"
    ? mountRationed(cleanup, rig.dir, rig.deployTo)
    : mountMemory(cleanup, rig.deployTo, MEMORY);
}

async function traceDeploy(host: DiskHost): Promise<string[]> {
  await host.moments.takeTrace();
  const build = await host.nextBuild();
  const { code, stderr } = await host.rig.zdr(["deploy", "--tag", build.tag]);
  assert.equal(code, 0, stderr);
  host.serving = build;
  return host.moments.takeTrace();
}
