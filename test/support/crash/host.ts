/** A host that is deployed to over a line that can be cut, by an agent that can be stopped anywhere. */
import assert from "node:assert/strict";
import { cp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DelayProxy, startDelayProxy } from "../load/delay-proxy.ts";
import { type Load, startLoad } from "../load/load.ts";
import { type Cleanup, type ConfigParts, type Rig, startRig } from "../rig.ts";
import { buildSample, type SampleName } from "../samples.ts";
import { type Moments, steer } from "./moments.ts";
import { type CurrentWatch, startWatcher } from "./watch.ts";

export interface CrashHost {
  readonly sample: SampleName;
  readonly rig: Rig;
  readonly url: string;
  readonly proxy: DelayProxy;
  readonly moments: Moments;
  /** How long zdr and its agent wait for a word from each other from now on; undefined: as long as they do by themselves. */
  beSilentFor(seconds: number | undefined): Promise<void>;
  /** Points deploy.yml to another build than before, and gives a new tag for it. */
  nextBuild(): Promise<Build>;
}

/** The same under load, and under the eyes of somebody who looks at `current` all the time. */
export interface WatchedHost extends CrashHost {
  readonly watch: CurrentWatch;
  readonly load: Load;
}

export interface Build {
  readonly tag: string;
  /** What it answers. */
  readonly release: string;
}

const PROGRAM = { watch: "200ms", start_seconds: 1 };
/** As many questions a second, before the flip: a tenth of a second for them. */
const HEALTH = { timeout: "20s", meter: 100 };
/** More than the agent writes as one piece. */
const LARGE_BYTES = 1024 * 1024 + 1;
const RELEASES = ["v1", "v2", "v3"];
/** Of each host: many of them share the machine. */
const LOAD = { freshPerSecond: 15, ratePerSecond: 15, keepAliveConnections: 4 };

/** bash(1), INVOCATION: what whoever runs this has in ~/.bashrc costs time in every session, unless a shell is around it. */
const NO_BASHRC = { SHLVL: "1" };

/** Two releases have been deployed, so that there is one to go back to. `program`: more of its keys in deploy.yml. */
export async function startCrashHost(
  cleanup: Cleanup,
  sample: SampleName,
  dist: string,
  program: ConfigParts = {},
): Promise<CrashHost> {
  const rig = await startRig(cleanup, { via: "ssh", dist, sshd: { sessionEnv: NO_BASHRC } });
  const moments = await steer(rig);
  const proxy = await startDelayProxy({ target: { port: rig.sshd?.port ?? 0 }, oneWayMs: 0 });
  cleanup.after(() => proxy.close());
  const { url } = await rig.addSample(sample, { ...PROGRAM, ...program }, HEALTH);
  const ssh = await goThrough(rig, proxy.port);
  const beSilentFor = (seconds: number | undefined) =>
    rig.configure({ ssh: seconds === undefined ? ssh : { ...ssh, heartbeat: seconds / 8, silence: seconds } });
  let count = 0;
  const nextBuild = async () => {
    const release = RELEASES[++count % RELEASES.length] ?? "";
    const tag = `t${count}`;
    await makeBuild(rig, await buildSample(sample, { release }), tag);
    return { tag, release };
  };
  const deploy = async (args: readonly string[]) => {
    const { code, stdout, stderr } = await rig.zdr(args);
    assert.equal(code, 0, `${stdout}${stderr}`);
  };
  await nextBuild();
  await deploy(["setup"]);
  await deploy(["deploy", "--tag", "t1"]);
  await nextBuild();
  await deploy(["deploy", "--tag", "t2"]);
  return { sample, rig, url, proxy, moments, nextBuild, beSilentFor };
}

export async function watchHosts(cleanup: Cleanup, hosts: readonly CrashHost[]): Promise<WatchedHost[]> {
  const watchOf = startWatcher(cleanup);
  const watched: WatchedHost[] = [];
  for (const host of hosts) {
    const watch = await watchOf(host.rig.deployTo);
    const load = await startLoad({ url: `${host.url}/version`, ...LOAD });
    cleanup.after(async () => {
      await load.stop().catch(() => undefined);
    });
    watched.push({ ...host, watch, load });
  }
  return watched;
}

/**
 * A build of which every deploy sends a small and a large file and finds a third one on the host, so that each deploy goes
 * through the same moments.
 */
export async function makeBuild(rig: Rig, program: string, tag: string): Promise<void> {
  const build = join(rig.project, "crash-build");
  await rm(build, { recursive: true, force: true });
  await cp(program, build, { recursive: true });
  await writeFile(join(build, "assets.txt"), "the same in every build\n");
  await writeFile(join(build, "tag.txt"), `${tag}\n`);
  await writeFile(join(build, "large.txt"), `${tag}\n`.padEnd(LARGE_BYTES, "-"));
  await rig.configure({ build: { path: "crash-build" } });
}

/** The rig's host again, at the proxy's port; what deploy.yml says of the way there. */
async function goThrough(rig: Rig, port: number): Promise<object> {
  const knownHosts = join(rig.dir, "known_hosts");
  await writeFile(knownHosts, rig.sshd?.knownHostsLine({ name: `[127.0.0.1]:${port}` }) ?? "");
  const ssh = { key: join(rig.dir, "ssh/key"), known_hosts: knownHosts };
  await rig.configure({ keep: 2, hosts: [{ name: "web1", address: "127.0.0.1", port, user: "root" }], ssh });
  return ssh;
}
