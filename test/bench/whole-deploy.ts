/**
 * A new release of one large binary, from a command to the moment that it serves, against what people do by hand: rsync
 * into `releases/<tag>`, flip the link, tell supervisor.
 *
 * Left out of zdr's time is what it waits for the old process to end: this sample stays for a second on purpose. By hand
 * nobody waits, and nobody looks whether the new release serves.
 */
import { join } from "node:path";
import { type Figure, type Row, rowOf } from "../../scripts/bench-result.ts";
import { makeBinaryBuild, stampBuild } from "./builds.ts";
import { type BenchHost, BY_HAND_PROGRAM, withHost } from "./host.ts";
import { type Command, inTurns, median, type Timing, time } from "./turns.ts";

const ROUNDS = 9;
const LIMIT = 0.8;

export async function measureWholeDeploy(): Promise<{
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
}> {
  return withHost("/dev/shm", async (host) => {
    const { rig } = host;
    const build = join(rig.dir, "build");
    await makeBinaryBuild(build);
    // Both are requests and waits by choice: the meter's baseline, and the watch for a crash loop.
    await rig.addSample("go-overseer", { watch: 0 }, { meter: 0 });
    await rig.configure({ build: { path: build }, keep: 1 });
    await time(host.zdr("setup"));
    await stampBuild(build, "first");
    await time(host.zdr("deploy", "--tag", "first"));
    await time(host.ssh(`mkdir -p ${byHandFolder(host)}/releases`));
    const waits: number[] = [];
    const sides = await inTurns(
      [
        {
          name: "zdr deploy",
          run: async (round) => {
            await stampBuild(build, `zdr-${round}`);
            const timing = await time(host.zdr("deploy", "--json", "--tag", `zdr-${round}`));
            const waitMs = waitForTheOld(timing);
            if (round > 0) waits.push(waitMs);
            return timing.ms - waitMs;
          },
        },
        {
          name: "rsync -az, ln, supervisorctl signal",
          run: async (round) => {
            await stampBuild(build, `hand-${round}`);
            return (await time(byHand(host, build, `hand-${round}`))).ms;
          },
        },
      ],
      ROUNDS,
    );
    return {
      rows: [rowOf("a deploy of 34 MB, loopback", sides, { limit: LIMIT })],
      figures: [{ what: "waited for the old process to end, beyond that", value: median(waits), unit: "ms" }],
    };
  });
}

const byHandFolder = ({ rig }: BenchHost) => `${rig.deployTo}/by-hand`;

/** One connection for rsync, one for the rest. */
function byHand(host: BenchHost, build: string, tag: string): Command {
  const folder = byHandFolder(host);
  const shell = host.sshWords.join(" ");
  const rest = [
    `ln -sfn releases/${tag} ${folder}/current`,
    `supervisorctl -c ${host.rig.supervisord.configPath} signal USR2 ${BY_HAND_PROGRAM}`,
  ].join(" && ");
  const send = `rsync -az -e '${shell}' ${build}/ ${host.login}:${folder}/releases/${tag}/`;
  return { argv: ["sh", "-c", `${send} && ${shell} ${host.login} '${rest}'`] };
}

interface JsonEvent {
  readonly event: unknown;
  readonly phase?: string;
  readonly status?: string;
}

/** From the moment that the new release was ready until the activation was over. */
function waitForTheOld({ lines }: Timing): number {
  const events = lines.map(({ atMs, text }) => ({ atMs, ...(JSON.parse(text) as JsonEvent) }));
  const ready = events.find(({ event }) => (event as { readonly did?: string }).did === "ready");
  const over = events.find(({ phase, status }) => phase === "activate" && status === "done");
  if (ready === undefined || over === undefined) throw new Error("the deploy did not say when it was ready");
  return over.atMs - ready.atMs;
}
