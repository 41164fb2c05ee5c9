/** One deploy or rollback that is cut short at one moment, and what became of the host. */
import { existsSync } from "node:fs";
import { eventually } from "../eventually.ts";
import { textAt } from "../load/ask.ts";
import type { RunResult } from "../processes.ts";
import { FAULTS, type FaultName } from "./faults.ts";
import type { Build, CrashHost, WatchedHost } from "./host.ts";
import { findLies } from "./truth.ts";

export interface CrashCase {
  readonly verb: "deploy" | "rollback";
  /** `flip: renamed #1`. */
  readonly moment: string;
  /** Its place among the moments of the verb. */
  readonly nth: number;
  readonly fault: FaultName;
  /** What is deployed afterwards: what was to be deployed, or something new. */
  readonly after: "same" | "next";
}

export interface CrashResult extends CrashCase {
  /** Of the command that was cut short; null: killed. */
  readonly exit: number | null;
  readonly requests: number;
  readonly failed: number;
  readonly looks: number;
  /** Whatever is not as it should be, in words; empty: all is well. */
  readonly problems: readonly string[];
}

/** Short, since each such case waits for it. */
const SILENCES = [3, 12, 48] as const;
const DEPLOY_TIMEOUT_MS = 120_000;
/** Seen of the program after the last command, so that what it broke has time to fail. */
const REQUESTS_AFTER = 10;

export interface CaseRules {
  /** Requests, since the program's strategy has a gap. */
  readonly mayFail: boolean;
}

export async function runCase(host: WatchedHost, crash: CrashCase, { mayFail }: CaseRules): Promise<CrashResult> {
  const { rig, load, watch, proxy } = host;
  const before = load.counts();
  const { looks: looksBefore, problems: seenBefore } = await watch.take();
  const cut = await cutShort(host, crash);
  const problems = [...cut.problems];
  let { build } = cut;
  if (crash.after === "next") build = await host.nextBuild();
  const after = await rig.zdr(["deploy", "--tag", build.tag], { timeoutMs: DEPLOY_TIMEOUT_MS });
  if (after.code !== 0) problems.push(`the deploy afterwards ended with ${after.code}: ${said(after)}`);
  proxy.cut();
  await load.reached(load.counts().sent + REQUESTS_AFTER);
  const seen = await watch.take();
  const counts = load.counts();
  const failed = counts.failed - before.failed;
  if (failed > 0 && !mayFail) problems.push(`${failed} requests failed`);
  problems.push(...seenBefore, ...seen.problems, ...(await findLies(rig.deployTo)));
  const answer = await textAt(`${host.url}/version`);
  if (answer !== build.release) problems.push(`${answer} answers, and not ${build.release}`);
  return {
    ...{ ...crash, exit: cut.exit, requests: counts.sent - before.sent, failed, looks: seen.looks - looksBefore },
    problems: problems.length === 0 ? [] : [...problems, `it had said: ${cut.said}`, `afterwards: ${said(after)}`],
  };
}

interface Cut {
  /** What was to be deployed. */
  readonly build: Build;
  readonly exit: number | null;
  readonly said: string;
  readonly problems: readonly string[];
}

/** On a machine so busy that an agent needs seconds to start, the line counts as silent before it is: then both wait longer. */
async function cutShort(host: CrashHost, crash: CrashCase): Promise<Cut> {
  if (crash.fault !== "link silent") return attempt(host, crash);
  const [first, ...more] = SILENCES;
  try {
    await host.beSilentFor(first);
    let cut = await attempt(host, crash);
    for (const seconds of more) {
      if (cut.hasCome) break;
      await host.beSilentFor(seconds);
      cut = await attempt(host, crash);
    }
    return cut;
  } finally {
    await host.beSilentFor(undefined);
  }
}

async function attempt(
  host: CrashHost,
  { verb, moment, fault }: CrashCase,
): Promise<Cut & { readonly hasCome: boolean }> {
  const { rig, moments, proxy } = host;
  const build = await host.nextBuild();
  await moments.stopAt(moment);
  const zdr = rig.startZdr(verb === "deploy" ? ["deploy", "--tag", build.tag] : ["rollback"]);
  const agentPid = await moments.reached(zdr.done);
  if (agentPid === undefined) {
    const result = await zdr.done;
    return { build, exit: result.code, said: said(result), problems: [`${moment} never came`], hasCome: false };
  }
  await FAULTS[fault]({ zdr, agentPid, proxy });
  await moments.goOn();
  const result = await zdr.done;
  await eventually(() => !existsSync(`/proc/${agentPid}`), {
    name: "the agent has ended",
    timeoutMs: DEPLOY_TIMEOUT_MS,
  });
  const problems = fault === "CLI terminated" ? problemsOfTermination(result) : [];
  return { build, exit: result.code, said: said(result), problems, hasCome: true };
}

function problemsOfTermination({ code, stderr }: RunResult): string[] {
  return [
    ...(code === 143 ? [] : [`terminated, it ended with ${code}`]),
    ...(/^zdr: state: /m.test(stderr) ? [] : ["terminated, it did not say what state was left"]),
  ];
}

const said = ({ stdout, stderr }: RunResult) => `${stdout}${stderr}`;
