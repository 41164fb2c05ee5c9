/** A host whose deploys go to a file system of its own, under load, with an agent that can be stopped at any moment. */
import assert from "node:assert/strict";
import { makeBuild } from "../crash/host.ts";
import { type Moments, steer } from "../crash/moments.ts";
import { type CurrentWatch, watchCurrent } from "../crash/watch.ts";
import { type Load, startLoad } from "../load/load.ts";
import { type Cleanup, type Rig, startRig } from "../rig.ts";
import { buildSample, type SampleName } from "../samples.ts";

export interface Build {
  readonly tag: string;
  /** What it answers. */
  readonly release: string;
}

export interface DiskHost {
  readonly rig: Rig;
  readonly url: string;
  readonly moments: Moments;
  readonly watch: CurrentWatch;
  readonly load: Load;
  /** What serves, by the last command that went well. */
  serving: Build;
  /** Points deploy.yml to another build than before, and gives a new tag for it. */
  nextBuild(): Promise<Build>;
}

const SAMPLE: SampleName = "go-overseer";
const PROGRAM = { watch: "200ms", start_seconds: 1 };
const RELEASES = ["v1", "v2", "v3"];
const LOAD = { freshPerSecond: 20, ratePerSecond: 30, keepAliveConnections: 2 };

/** `mount`: makes the file system, at the rig's deploy_to. Two releases have been deployed, so that each deploy prunes one. */
export async function startDiskHost(
  cleanup: Cleanup,
  dist: string,
  mount: (rig: Rig) => Promise<void>,
): Promise<DiskHost> {
  const rig = await startRig(cleanup, { dist });
  await mount(rig);
  const moments = await steer(rig);
  const { url } = await rig.addSample(SAMPLE, PROGRAM, { timeout: "20s" });
  await rig.configure({ keep: 2 });
  let count = 0;
  const nextBuild = async (): Promise<Build> => {
    const release = RELEASES[++count % RELEASES.length] ?? "";
    const tag = `t${count}`;
    await makeBuild(rig, await buildSample(SAMPLE, { release }), tag);
    return { tag, release };
  };
  const run = async (args: readonly string[]) => {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
  };
  await run(["setup"]);
  let serving: Build = { tag: "", release: "" };
  for (let deployed = 0; deployed < 3; deployed++) {
    serving = await nextBuild();
    await run(["deploy", "--tag", serving.tag]);
  }
  const watch = await watchCurrent(cleanup, rig.deployTo);
  const load = await startLoad({ url: `${url}/version`, ...LOAD });
  cleanup.after(async () => {
    await load.stop().catch(() => undefined);
  });
  return { rig, url, moments, watch, load, serving, nextBuild };
}
