/**
 * A tree of many small files, from a command until it is there, against tar through ssh. zdr has hashed every file twice
 * by then, once on each side, made all of it durable and let it appear by one rename.
 */
import { join } from "node:path";
import { type Row, rowOf } from "../../scripts/bench-result.ts";
import { makeTreeBuild, stampTree } from "./builds.ts";
import { type BenchHost, withHost } from "./host.ts";
import { type Command, inTurns, type Timing, time } from "./turns.ts";

const ROUNDS = 5;
const LIMIT = 1.3;

export async function measureTree(): Promise<readonly Row[]> {
  return withHost("/dev/shm", async (host) => {
    const { rig } = host;
    const build = join(rig.dir, "build");
    await makeTreeBuild(build);
    await rig.addSample("go-overseer", { watch: 0 }, { meter: 0 });
    await rig.configure({ build: { path: build }, keep: 1 });
    await time(host.zdr("setup"));
    await time(host.ssh(`mkdir ${rig.deployTo}/by-hand`));
    const sides = await inTurns(
      [
        {
          name: "zdr deploy, until it is staged",
          run: async (round) => {
            await stampTree(build, `zdr-${round}`);
            return stagedAfter(await time(host.zdr("deploy", "--json", "--tag", `zdr-${round}`)));
          },
        },
        {
          name: "tar c | ssh host tar x",
          run: async (round) => {
            await stampTree(build, `hand-${round}`);
            return (await time(byHand(host, build, `hand-${round}`))).ms;
          },
        },
      ],
      ROUNDS,
    );
    return [rowOf("12,000 files of 114 MB, loopback", sides, { limit: LIMIT })];
  });
}

/** Each round into a new folder; the one before goes, as it does with zdr's `keep`. */
function byHand({ rig, sshWords, login }: BenchHost, build: string, tag: string): Command {
  const folder = `${rig.deployTo}/by-hand/${tag}`;
  return {
    argv: ["sh", "-c", `tar c -C ${build} . | ${sshWords.join(" ")} ${login} 'mkdir ${folder} && tar x -C ${folder}'`],
  };
}

/** When the step `stage` was told as done. */
export function stagedAfter({ lines }: Timing): number {
  const staged = lines.find(({ text }) => {
    const { phase, status } = JSON.parse(text) as { readonly phase?: string; readonly status?: string };
    return phase === "stage" && status === "done";
  });
  if (staged === undefined) throw new Error("the deploy did not say that it has staged the release");
  return staged.atMs;
}
