/** What a deploy would do on one host, as data: for `deploy --dry-run`, for `plan`, and for whoever holds it to a plan. */
import type { Survey } from "../../../agent/protocol.ts";
import type { ProjectPlan } from "../../../agent/wire/plan.ts";
import type { LintFinding, ProgramSurvey } from "../../../agent/wire/program.ts";
import type { StageResult } from "../../../agent/wire/stage.ts";
import { type PlannedAction, plannedAction } from "./action.ts";

export interface LookedAt {
  readonly host: string;
  readonly survey: Survey;
  /** The answer to `stage` with `dryRun`. Absent: no upload belongs to the command (rollback). */
  readonly stage?: StageResult | undefined;
}

export interface PlannedRelease {
  readonly tag: string;
  /** Of the whole build. */
  readonly files: number;
  readonly bytes: number;
}

export interface PlannedProgram extends PlannedAction {
  readonly name: string;
  readonly process: string;
  readonly state?: string;
  readonly pid?: number;
  readonly runs?: string;
  readonly findings: readonly LintFinding[];
}

export interface HostForecast {
  readonly host: string;
  /** What `current` names. */
  readonly from?: string;
  readonly to: string;
  readonly send?: { readonly files: number; readonly bytes: number; readonly copiedBytes: number };
  /** Of the disk: now, and once the release was kept and the others pruned. */
  readonly freeBytes: number;
  readonly freeBytesAfter?: number;
  readonly programs: readonly PlannedProgram[];
  readonly prune: readonly string[];
  /** The release is current there, proved, and runs in every program: no hook of a deploy runs then. */
  readonly isServed: boolean;
  /** That, and nothing is to be sent or pruned. */
  readonly isDone: boolean;
  /** A deploy would refuse this host. */
  readonly isRefused: boolean;
}

export function forecastHost({ host, survey, stage }: LookedAt, tag: string, project: ProjectPlan): HostForecast {
  const programs = survey.programs.map((program) => plannedProgram(program, project, tag));
  const { current, freeBytes, releases } = survey;
  const prune = stage?.foreseen?.pruned ?? [];
  const isProved = releases.some((release) => release.tag === tag && release.verdict === "good");
  const isServed = current === tag && isProved && programs.every(({ action }) => action === "none");
  return {
    ...{ host, to: tag, programs, prune, freeBytes },
    ...(current === undefined ? {} : { from: current }),
    ...(stage === undefined ? {} : { send: sent(stage) }),
    ...spaceAfter(stage),
    isServed,
    isDone: isServed && stage?.staged !== false && prune.length === 0,
    isRefused: programs.some(isRefused),
  };
}

function plannedProgram(survey: ProgramSurvey, project: ProjectPlan, tag: string): PlannedProgram {
  const { name, process, findings, info, runs } = survey;
  const plan = project.programs.find((program) => program.name === name);
  return {
    ...{ name, process, findings },
    ...plannedAction(survey, plan, tag),
    ...(info === undefined ? {} : { state: info.statename }),
    ...(info === undefined || info.pid === 0 ? {} : { pid: info.pid }),
    ...(runs === undefined ? {} : { runs }),
  };
}

function isRefused({ action, findings }: PlannedProgram): boolean {
  return action === "refuse" || findings.some(({ level }) => level === "refuse");
}

function sent({ missing, missingBytes, copiedBytes }: StageResult) {
  return { files: missing.length, bytes: missingBytes, copiedBytes };
}

function spaceAfter(stage: StageResult | undefined): Pick<HostForecast, "freeBytesAfter"> {
  const { freeBytes, prunedBytes = 0 } = stage?.foreseen ?? {};
  return freeBytes === undefined ? {} : { freeBytesAfter: freeBytes + prunedBytes };
}
