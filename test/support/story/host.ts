/** The host of a story: supervisord, the program and the agent are an unprivileged user's; zdr comes through SSH. */
import assert from "node:assert/strict";
import type { RunResult } from "../processes.ts";
import { type Cleanup, type ConfigParts, type Rig, startRig } from "../rig.ts";
import type { SampleOptions } from "../samples.ts";
import { addTemporaryUser } from "../temporary-user.ts";
import type { StorySample } from "./catalog.ts";

/** Nothing is watched for longer than it takes to prove it, and supervisor believes in a start as soon as it can. */
const HASTE = { watch: 0, start_seconds: 1 };
const HEALTH_TIMEOUT = "20s";
/** Longer than a deploy that fails and is reverted. */
const DEPLOY_TIMEOUT_MS = 150_000;

export interface StoryHost {
  readonly rig: Rig;
  readonly url: string;
  /** Runs zdr, which has to end with 0. */
  ok(...args: readonly string[]): Promise<RunResult>;
  /** Deploys a build of the sample, with other keys for the program and its health check if need be. */
  deploy(tag: string, sample: SampleOptions, keys?: DeployKeys): Promise<RunResult>;
  /** What supervisor holds: the process and for how many seconds it has been up. */
  supervised(): Promise<Supervised>;
}

export interface DeployKeys {
  readonly program?: ConfigParts;
  readonly health?: ConfigParts;
}

export interface Supervised {
  readonly state: string;
  /** 0: there is none. */
  readonly pid: number;
  readonly uptimeSeconds: number;
}

/** A host with `zdr setup` done and nothing deployed. */
export async function startStoryHost(
  cleanup: Cleanup,
  { sample, program, hasLauncher }: StorySample,
  { launched = false }: { readonly launched?: boolean } = {},
): Promise<StoryHost> {
  const isLaunched = launched && hasLauncher === true;
  const user = await addTemporaryUser();
  const cleaning: (() => Promise<void>)[] = [() => user.remove()];
  cleanup.after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  const rig = await startRig(
    { after: (clean) => cleaning.push(clean) },
    { via: "ssh", user: user.name, supervisord: { user: user.name } },
  );
  const keys = { ...HASTE, ...program };
  const { url, program: shop } = await rig.addSample(sample, keys, { timeout: HEALTH_TIMEOUT }, isLaunched);
  const host: StoryHost = {
    ...{ rig, url },
    async ok(...args) {
      const result = await rig.zdr(args, { timeoutMs: DEPLOY_TIMEOUT_MS });
      assert.equal(result.code, 0, `zdr ${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result;
    },
    async deploy(tag, build, keys = {}) {
      await rig.useSample(sample, { ...build, isLaunched });
      const health = { ...(shop.health as ConfigParts), ...keys.health };
      await rig.configure({ programs: { shop: { ...shop, ...keys.program, health } } });
      return rig.zdr(["deploy", "--tag", tag, "--json"], { timeoutMs: DEPLOY_TIMEOUT_MS });
    },
    supervised: async () => parseStatus((await rig.supervisord.ctl(["status", "shop:*"])).stdout),
  };
  await host.ok("setup");
  return host;
}

/** `shop    RUNNING   pid 12, uptime 0:00:07`, or a state without a process. Of several lines, one that runs. */
function parseStatus(text: string): Supervised {
  const lines = text.split("\n");
  const line = lines.find((one) => one.includes(" pid ")) ?? lines[0] ?? "";
  const [, state = ""] = line.split(/\s+/);
  const up = /pid (\d+), uptime (?:(\d+) days?, )?(\d+):(\d\d):(\d\d)/.exec(line);
  if (up === null) return { state, pid: 0, uptimeSeconds: 0 };
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = up.slice(2).map((text) => Number(text ?? 0));
  return { state, pid: Number(up[1]), uptimeSeconds: ((days * 24 + hours) * 60 + minutes) * 60 + seconds };
}
