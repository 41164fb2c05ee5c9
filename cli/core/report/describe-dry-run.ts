/** What a deploy would do, per host, read and not done. */

import type { StageResult, Survey } from "../../../agent/protocol.ts";
import type { ProgramPlan, ProjectPlan } from "../../../agent/wire/plan.ts";
import type { ProgramSurvey } from "../../../agent/wire/program.ts";
import { sanitize } from "./sanitize.ts";
import { count, formatBytes } from "./units.ts";

export interface DryRunHost {
  readonly host: string;
  readonly survey: Survey;
  /** The answer to `stage` with `dryRun`. Absent: no upload belongs to the command (rollback). */
  readonly stage?: StageResult | undefined;
}

export interface DryRunRelease {
  readonly tag: string;
  /** Of the whole build. */
  readonly files: number;
  readonly bytes: number;
}

/** Lines of text that end in a newline: what would be sent, flipped, and done to each program of each host. */
export function describeDryRun(hosts: readonly DryRunHost[], release: DryRunRelease, project: ProjectPlan): string {
  return hosts.flatMap((host) => describeHost(host, release, project).map((line) => `${sanitize(line)}\n`)).join("");
}

function describeHost({ host, survey, stage }: DryRunHost, release: DryRunRelease, project: ProjectPlan): string[] {
  const lines = [
    ...(stage === undefined ? [] : [stageLine(stage, release, survey)]),
    flipLine(survey, release),
    ...survey.programs.flatMap((program) => programLines(program, project)),
    ...survey.warnings.map((warning) => `warning: ${warning}`),
  ];
  return [`${host}:`, ...lines.map((line) => `  ${line}`)];
}

function stageLine(stage: StageResult, { tag, files, bytes }: DryRunRelease, { freeBytes }: Survey): string {
  if (stage.staged)
    return `stage: ${tag} is there already (${count(files, "file")}, ${formatBytes(bytes)}); nothing to send`;
  const sent = `send ${count(stage.missing.length, "file")}, ${formatBytes(stage.missingBytes)}`;
  const copied = stage.copiedBytes === 0 ? "" : `, copy ${formatBytes(stage.copiedBytes)} from releases that are there`;
  return `stage: ${sent}${copied} (of ${count(files, "file")}, ${formatBytes(bytes)}; ${formatBytes(freeBytes)} free)`;
}

function flipLine({ current }: Survey, { tag }: DryRunRelease): string {
  if (current === tag) return `flip: none, current names ${tag} already`;
  return `flip: current from ${current ?? "nothing"} to ${tag}`;
}

function programLines(program: ProgramSurvey, project: ProjectPlan): string[] {
  const plan = project.programs.find(({ name }) => name === program.name);
  const state = program.info?.statename;
  const now = state === undefined ? "" : ` (${[state, pidOf(program), runsOf(program)].filter(Boolean).join(", ")})`;
  return [
    `${program.name}: ${plannedAction(state, plan)}${now}`,
    ...program.findings.map(({ level, text, fix }) => `${program.name}: ${level}: ${text}; fix: ${fix}`),
  ];
}

/** The state table of a deploy: start or reload by what supervisor says of the program. */
function plannedAction(state: string | undefined, plan: ProgramPlan | undefined): string {
  switch (state) {
    case undefined:
      return "refuse: supervisor does not know it; run zdr setup first";
    case "RUNNING":
      return plan === undefined ? "nothing: it is not in deploy.yml" : reloadWords(plan);
    case "STARTING":
      return "wait until it is up, then reload";
    case "BACKOFF":
      return "stop, then start";
    case "STOPPING":
      return "wait until it has ended, then start";
    case "STOPPED":
    case "EXITED":
    case "FATAL":
      return "start";
    default:
      return "refuse: nothing can be known of a program in this state";
  }
}

function reloadWords({ reload }: ProgramPlan): string {
  if (reload.strategy === "restart") return "stop, then start, with a gap";
  if (reload.strategy === "bluegreen") return "start the other member, watch it, then stop this one";
  if (reload.strategy === "rolling") return "stop and start one member after the other";
  if (reload.strategy === "watch") return "put the new binary into its slot, and wait until it notices";
  if (reload.strategy === "http") return `reload by GET ${reload.url ?? ""}`;
  return `reload by strategy ${reload.strategy}${reload.signal === undefined ? "" : `, signal ${reload.signal}`}`;
}

function pidOf({ info }: ProgramSurvey): string {
  return info === undefined || info.pid === 0 ? "" : `pid ${info.pid}`;
}

function runsOf({ runs }: ProgramSurvey): string {
  return runs === undefined ? "" : `runs ${runs}`;
}
