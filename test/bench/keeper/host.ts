/** A host for measurements of reloads: a sample that runs there, and two releases of that sample to go between. */
import { link, rename, rm, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Rig, startRig } from "../../support/rig.ts";
import { SAMPLE_BINARY, type SampleName } from "../../support/samples.ts";

export interface ReloadHost {
  readonly rig: Rig;
  readonly sample: SampleName;
  readonly port: number;
  /** The one that supervisor holds: of the keeper, or of a master where none is needed. */
  supervisedPid(): Promise<number>;
  /** Lets `current` name a release, without a word to the program. */
  flip(release: "v1" | "v2"): Promise<void>;
}

/** v1 serves when `work` begins. */
export async function reloadHost(sample: SampleName, work: (host: ReloadHost) => Promise<void>): Promise<void> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = "/dev/shm";
  const cleanUps: (() => Promise<unknown>)[] = [];
  try {
    const rig = await startRig({ after: (clean) => void cleanUps.push(clean) });
    const { port } = await rig.addSample(sample, { watch: 0, start_seconds: 1 }, { meter: 0 });
    await zdr(rig, "setup");
    for (const release of ["v2", "v1"]) {
      await rig.useSample(sample, { release });
      await zdr(rig, "deploy", "--tag", release);
    }
    const supervisedPid = async () => Number((await rig.supervisord.ctl(["pid", "shop"])).stdout);
    await work({ rig, sample, port, supervisedPid, flip: (release) => flip(rig.deployTo, sample, release) });
  } finally {
    for (const clean of cleanUps.reverse()) await clean();
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

async function zdr(rig: Rig, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await rig.zdr(args);
  if (code !== 0) throw new Error(`zdr ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
}

const STARTS_FROM_SLOT: ReadonlySet<SampleName> = new Set(["go-graceful-url", "go-overseer"]);

/** `folder` holds `releases/`, `current`, and the slot in `run/shop/` of a program that starts a relative path again. */
export async function flip(folder: string, sample: SampleName, release: string): Promise<void> {
  await symlink(join("releases", release), join(folder, "current.new"));
  await rename(join(folder, "current.new"), join(folder, "current"));
  if (!STARTS_FROM_SLOT.has(sample)) return;
  const binary = SAMPLE_BINARY[sample];
  const slot = join(folder, "run/shop", basename(binary));
  await rm(`${slot}.new`, { force: true });
  await link(join(folder, "releases", release, binary), `${slot}.new`);
  await rename(`${slot}.new`, slot);
  await rm(`${slot}.new`, { force: true });
}
