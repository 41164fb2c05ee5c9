/** One deploy on whose disk trouble begins at one moment, what was said of it, and what became of the host. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findLies } from "../crash/truth.ts";
import { textAt } from "../load/ask.ts";
import type { RunResult } from "../processes.ts";
import { linesOf } from "../wrong-world.ts";
import type { Build, DiskHost } from "./host.ts";
import { TROUBLES, type Trouble, type TroubleName } from "./troubles.ts";

export interface DiskResult {
  readonly moment: string;
  readonly trouble: TroubleName;
  /** Undefined: it could not begin there. */
  readonly exit: number | null | undefined;
  /** Whatever is not as it should be, in words; empty: all is well. */
  readonly problems: readonly string[];
  readonly said: string;
}

/** Refused, failed while staging, or failed and reverted: the release before serves, and was told to. */
const AS_BEFORE = new Set<number | null>([5, 6, 7]);

export async function runDiskCase(host: DiskHost, moment: string, name: TroubleName): Promise<DiskResult> {
  const { rig, moments, load, watch } = host;
  const trouble: Trouble = TROUBLES[name];
  const failedBefore = load.counts().failed;
  const build = await host.nextBuild();
  await moments.stopAt(moment);
  const zdr = rig.startZdr(["deploy", "--tag", build.tag]);
  const agentPid = await moments.reached(zdr.done);
  const hasBegun = agentPid !== undefined && (await trouble.begin(rig.deployTo, agentPid));
  await moments.goOn();
  const result = await zdr.done;
  const problems: string[] = agentPid === undefined ? [`${moment} never came`] : [];
  const present = await readdir(join(rig.deployTo, "releases"));
  if (hasBegun) await trouble.end(rig.deployTo);
  if (hasBegun)
    problems.push(...problemsOf(result, host.serving, build, trouble), ...(await wrongAnswers(host, result, build)));
  problems.push(...(await partialReleases(host, present)));
  const after = await host.nextBuild();
  const next = await rig.zdr(["deploy", "--tag", after.tag], { timeoutMs: 120_000 });
  if (next.code === 0) host.serving = after;
  else problems.push(`the deploy afterwards ended with ${next.code}: ${next.stderr}`);
  problems.push(...(await watch.take()).problems, ...(await findLies(rig.deployTo)));
  const failed = load.counts().failed - failedBefore;
  if (failed > 0) problems.push(`${failed} requests failed`);
  const said = `${result.stdout}${result.stderr}`;
  return { moment, trouble: name, exit: hasBegun ? result.code : undefined, problems, said };
}

/** What was said, and by which exit code. */
function problemsOf({ code, stderr }: RunResult, before: Build, build: Build, trouble: Trouble): string[] {
  const problems: string[] = [];
  const [error, state] = [linesOf(stderr, "error"), linesOf(stderr, "state")];
  const warning = linesOf(stderr, "warning");
  if (code === 0) {
    // Trouble that came too late for this deploy, or at something that it can do without.
    if (error !== "") problems.push(`it went well, and told an error: ${error}`);
    return problems;
  }
  const isStuck = trouble.holdsAll === true && code === 8;
  if (!AS_BEFORE.has(code) && !isStuck) problems.push(`it ended with ${code}`);
  if (!trouble.told.test(`${error}\n${warning}`)) problems.push(`the trouble was not told: ${stderr}`);
  if (/bug in zdr|undefined|\[object|at .*\.cjs:/.test(`${error}\n${warning}`))
    problems.push(`told as a bug: ${stderr}`);
  const stuck = `is stuck: current names ${build.tag}, .* and runs ${before.tag}$`;
  if (!new RegExp(isStuck ? stuck : `serves? ${before.tag}|not touched`).test(state))
    problems.push(`the state is not told: ${state} (and not ${build.tag})`);
  return problems;
}

async function wrongAnswers({ url, serving }: DiskHost, { code }: RunResult, build: Build): Promise<string[]> {
  const answer = await textAt(`${url}/version`);
  const expected = code === 0 ? build.release : serving.release;
  return answer === expected ? [] : [`${answer} answers, and not ${expected}`];
}

/** Each release that is there is whole, by what zdr itself reads and hashes. */
async function partialReleases({ rig }: DiskHost, present: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await rig.zdr(["verify"]);
  return code === 0 ? [] : [`verify of ${present.join(", ")} ended with ${code}: ${stdout}${stderr}`];
}
