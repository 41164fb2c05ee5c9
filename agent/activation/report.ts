/** What an activation tells about itself when it is over. */

import type { HostContext } from "../context.ts";
import { failureOf } from "../core/failure.ts";
import { releaseRun } from "../core/generation.ts";
import { orphanWords } from "../core/lint/orphans.ts";
import { leaveAnswer } from "../io/answer.ts";
import { readCurrent } from "../io/current.ts";
import { membersOf, summaryOf, viewMembers } from "../members/members.ts";
import { orphansOf, serversOf } from "../orphans/orphans.ts";
import { leaveTrace } from "../trace/file.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { ProvedProgram } from "../wire/history.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ActivationReport, ProgramReport } from "../wire/report.ts";
import type { Activation, Before } from "./activation.ts";
import type { Brought } from "./bring.ts";
import type { Drained } from "./drain.ts";

export interface Ending {
  readonly failure?: AgentFailure;
  /** Of a revert that failed too. */
  readonly revertFailure?: AgentFailure;
  readonly log?: ActivationReport["log"];
}

/** Ends the meters and makes the report, which is also left for a CLI that can not hear it now. */
export async function finish(
  activation: Activation,
  outcome: ActivationReport["outcome"],
  { failure, revertFailure, log = [] }: Ending = {},
): Promise<ActivationReport> {
  await activation.stopMeters();
  const { order, previous, reports, warnings } = activation;
  const report: ActivationReport = {
    ...{ outcome, tag: order.tag, programs: reports, warnings, log, flipToDoneMs: activation.elapsedMs },
    ...optional("previous", previous),
    ...optional("failure", failure),
    ...optional("revertFailure", revertFailure),
    ...optional("serves", outcome === "stuck" ? await whatServes(activation.context) : undefined),
  };
  // What is unchanged can be asked again.
  if (outcome === "unchanged") return report;
  const { layout } = activation.context;
  // Before the trace, which is larger and needed less where there is hardly any room.
  leaveAnswer(layout, activation.id, report);
  const trace = activation.recorder.trace(activation.id, report);
  const problem = trace === undefined ? undefined : leaveTrace(layout, trace);
  if (problem === undefined) return report;
  warnings.push(problem);
  leaveAnswer(layout, activation.id, report);
  return report;
}

/** `current names v1, shop is RUNNING (pid 12) and runs v2`: where nothing could be proved, what can be seen. */
async function whatServes(context: HostContext): Promise<string> {
  const programs = await Promise.all(context.project.programs.map((program) => programWords(context, program)));
  return [currentWords(context), ...programs].join(", ");
}

function currentWords({ layout }: HostContext): string {
  try {
    return `current names ${readCurrent(layout) ?? "nothing"}`;
  } catch {
    return "current can not be read";
  }
}

async function programWords(context: HostContext, program: ProgramPlan): Promise<string> {
  try {
    const members = await membersOf(context, program);
    const { statename, pid } = summaryOf(members);
    const release = releaseRun(await viewMembers(context, members));
    const runs = release === undefined ? "" : ` and runs ${release}`;
    const orphans = await orphansOf(context, program, await context.supervisor.getPID()).catch(() => []);
    const beside = orphans.length === 0 ? "" : `, but ${orphanWords(orphans)}`;
    return `${program.name} is ${statename}${pid === 0 ? "" : ` (pid ${pid})`}${runs}${beside}`;
  } catch (error) {
    const silence = failureOf(error).reason === "program-unknown" ? "does not know it" : "does not say";
    const servers = await serversOf(context, program).catch(() => []);
    const seen = servers.length === 0 ? "nothing of it was found that listens" : orphanWords(servers);
    return `${program.name}: supervisord ${silence}, ${seen}`;
  }
}

export function reportProgram(
  before: Before,
  brought: Brought,
  drained: Drained,
  meter: ProgramReport["meter"],
): ProgramReport {
  const { program, action, info, proof, evidence } = brought;
  return {
    ...{ name: program.name, process: program.process, action, proof, evidence: [...evidence] },
    before: { ...optional("release", before.release), pid: before.info.pid, state: before.info.statename },
    after: { ...optional("release", brought.tag), pid: info.pid, state: info.statename },
    ...optional("serving", servingOf(before, brought)),
    ...membersReport(before, brought),
    draining: drained.draining,
    ...optional("connections", drained.draining === 0 ? undefined : drained.connections),
    ...optional("ended", drained.ended === 0 ? undefined : drained.ended),
    ...optional("readyMs", action === "none" ? undefined : Math.round(brought.readyMs)),
    ...optional("gapMs", brought.gapMs === undefined ? undefined : Math.round(brought.gapMs)),
    ...optional("oldGoneMs", drained.oldGoneMs === undefined ? undefined : Math.round(drained.oldGoneMs)),
    ...optional("meter", meter),
  };
}

function servingOf({ serving: before }: Before, { serving: after }: Brought): ProgramReport["serving"] {
  return before.length + after.length === 0 ? undefined : { before: [...before], after: [...after] };
}

function membersReport({ members }: Before, { parts }: Brought): Pick<ProgramReport, "members"> {
  if (members === undefined) return {};
  const running = parts?.map(({ program, info }) => ({ process: program.process, pid: info.pid })) ?? [];
  const ran = members.filter(({ wasUp }) => wasUp);
  return {
    members: { before: ran.map(({ program, info }) => ({ process: program.process, pid: info.pid })), after: running },
  };
}

/** `{[key]: value}`, or nothing where the value is undefined (exactOptionalPropertyTypes). */
function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

const PROOF_ORDER = ["none", "state only", "health only", "processes"] as const;

/** A release is proved as well as the program about which least is known. */
function weakestProof(reports: readonly ProgramReport[]): ProgramReport["proof"] {
  if (reports.length === 0) return "none";
  let weakest: number = PROOF_ORDER.length - 1;
  for (const report of reports) weakest = Math.min(weakest, PROOF_ORDER.indexOf(report.proof));
  return PROOF_ORDER[weakest] ?? "none";
}

/** What the ledger is told of an activation that ended well. */
export function provedIn({ reports, elapsedMs }: Activation) {
  return {
    proof: weakestProof(reports),
    evidence: reports.flatMap((report) => report.evidence.map((text) => `${report.name}: ${text}`)),
    programs: reports.map(provedProgram),
    ms: elapsedMs,
  };
}

function provedProgram({
  name,
  action,
  draining,
  proof,
  readyMs,
  gapMs,
  oldGoneMs,
  meter,
}: ProgramReport): ProvedProgram {
  return {
    ...{ name, action, draining, proof },
    ...optional("readyMs", readyMs),
    ...optional("gapMs", gapMs),
    ...optional("oldGoneMs", oldGoneMs),
    ...optional("meter", meter),
  };
}
