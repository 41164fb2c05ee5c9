/** `zdr deploy --tag TAG`: stage on all hosts and pre-flight there, then activate host by host, then settle. */

import type { Survey } from "../../agent/protocol.ts";
import type { Manifest, Revision } from "../../agent/wire/release.ts";
import type { ExitCode } from "../core/exit-code.ts";
import { missingPrograms } from "../core/forecast/hook-programs.ts";
import { parallelOf } from "../core/parallel.ts";
import type { HostTarget } from "../core/plan.ts";
import { formatBytes } from "../core/report/units.ts";
import { doubtsAbout } from "../core/rollback.ts";
import { requireTag } from "../core/tag.ts";
import { waitMsOf } from "../core/wait.ts";
import { ZdrError } from "../failure.ts";
import type { ScannedBuild } from "../io/build/build.ts";
import { readRevision } from "../io/build/git.ts";
import { withoutOptimizing } from "../io/build/quick-code.ts";
import type { Uploads } from "../io/build/upload.ts";
import type { RequestBody } from "../io/session/agent-session.ts";
import type { Fleet, FleetHost } from "../io/session/fleet.ts";
import { type Slots, slots } from "../io/session/slots.ts";
import type { Run } from "../run.ts";
import { holdToPlan, requirePlanId, stillPlanned, tellDryRun, tellPlan } from "./parts/forecast.ts";
import { hooksOf } from "./parts/hooks.ts";
import { type FreezableOptions, lockRequest, takeLocks } from "./parts/locks.ts";
import { type Opened, openConfig } from "./parts/open.ts";
import { concludeHosts } from "./parts/outcome.ts";
import { type Prepared, withBuild } from "./parts/prepare.ts";
import type { Relink } from "./parts/reconnect.ts";
import { rememberReleases } from "./parts/remember.ts";
import { checkAndRollOut } from "./parts/rollout.ts";
import { type StageGoal, stageHosts } from "./parts/stage.ts";
import { requireSound, surveyHost, tellDoubts } from "./parts/tell-survey.ts";
import { hintsToPassOver, passOverUnreachable, type UnreachableOptions } from "./parts/unreachable.ts";

export interface DeployOptions extends FreezableOptions, UnreachableOptions {
  /** Absent: that of the CI job. */
  readonly tag?: string;
  /** Only look: `plan` tells it with an ID. */
  readonly dryRun?: boolean | "plan";
  /** The ID of the plan that this deploy is held to. */
  readonly plan?: string;
  /** False: deploy what lies at build.path, without running build.run. */
  readonly build?: boolean;
  /** How many hosts are sent the release at a time. */
  readonly parallel?: string;
}

type TaggedOptions = DeployOptions & { readonly tag: string };

export async function deploy(run: Run, asked: DeployOptions): Promise<ExitCode> {
  const options = { ...asked, tag: requireTag(asked.tag, run.env) };
  waitMsOf(options.wait);
  const limit = slots(parallelOf(options.parallel));
  requirePlanId(options.plan);
  const opened = openConfig(run, options, { needsBuild: true });
  const question = (digest?: string) => surveyQuestion(run, opened, options, digest);
  return withBuild(run, opened, options, question, (prepared) =>
    withoutOptimizing(prepared.fleet.firstOpen, () => stageAndRollOut(run, opened, options, limit, prepared)),
  );
}

async function stageAndRollOut(
  run: Run,
  opened: Opened,
  options: TaggedOptions,
  limit: Slots,
  { fleet, held, scanning, isAnnounced }: Prepared,
): Promise<ExitCode> {
  let scanned: ScannedBuild | undefined;
  const undo = run.interrupt.onFirst((signal) => fleet.abort(signal));
  try {
    scanned = await scanning;
    requireHookPrograms(run, opened, scanned);
    const question = surveyQuestion(run, opened, options, scanned.digest);
    if (question.lock && !(await takeLocks(opened, fleet, question.lock, options)))
      return concludeHosts(run, fleet.hosts, true, hintsToPassOver(fleet, options));
    const surveys = await surveyHosts(run, opened, fleet, question, options);
    if (!surveys) return concludeHosts(run, fleet.hosts, true, hintsToPassOver(fleet, options));
    tellBadRelease(run, surveys, options.tag);
    const hasWork = fleet.hosts.some((host) => host.unchanged === undefined);
    const manifest = manifestOf(scanned, options.tag, hasWork ? await readRevision(opened.config.folder) : undefined);
    if (options.dryRun) {
      const tell = options.dryRun === "plan" ? tellPlan : tellDryRun;
      return await tell(run, opened, fleet, surveys, manifest);
    }
    if (options.plan !== undefined) {
      holdToPlan(opened, surveys, manifest, options.plan);
      if (!(await settleServed(opened, fleet, surveys, { ...question, release: manifest })))
        return concludeHosts(run, fleet.hosts);
    }
    const planned = options.plan && stillPlanned(opened, surveys, options.tag, options.plan);
    const relink = { run, fleet, opened, lock: question.lock, resumes: options.tag, ...(planned ? { planned } : {}) };
    const goal = { tag: options.tag, why: "deploy" } as const;
    const hooks = hooksOf(run, fleet, opened.config, goal);
    if (!(await hooks.before("before_stage"))) return concludeHosts(run, fleet.hosts);
    const staging = { surveys, manifest, limit, isAnnounced: isAnnounced() };
    if (!(await stage(relink, staging, scanned))) return concludeHosts(run, fleet.hosts);
    held.release();
    rememberReleases(run, opened, [...surveys.values()], options.tag);
    if (!(await hooks.before("after_stage"))) return concludeHosts(run, fleet.hosts);
    return await checkAndRollOut(relink, goal, hooks, undo);
  } finally {
    undo();
    if (fleet.failed.length === 0) scanned?.known?.save();
    else scanned?.known?.forget();
    await scanned?.dispose();
  }
}

function manifestOf({ digest, entries }: ScannedBuild, tag: string, revision: Revision | undefined): Manifest {
  return { tag, digest, entries: [...entries], ...(revision === undefined ? {} : { revision }) };
}

/** A release that would be taken back for a hook is not sent; where its failure costs nothing, or is not certain, that is said. */
function requireHookPrograms(run: Run, { config }: Opened, { entries }: ScannedBuild): void {
  const path = config.build.path;
  for (const { when, program, problem, isCostly } of missingPrograms(config, entries)) {
    const text = `${program}, which the hook ${when} runs in the release, ${problem}`;
    if (isCostly) throw new ZdrError({ kind: "build", path, problem: text, hint: HOOK_HINT });
    run.output.report({ kind: "warning", text: `the build: ${text}` });
  }
}

const HOOK_HINT = 'have the build make it, or change "hooks:" in deploy.yml';

/** One that has failed here before is tried again: what has changed may have been elsewhere. */
function tellBadRelease(run: Run, surveys: Surveys, tag: string): void {
  const hosts = [...surveys].map(([{ name: host }, survey]) => ({ host, survey }));
  for (const { host, text } of doubtsAbout(hosts, tag)) run.output.report({ kind: "warning", host, text });
}

/** Packing is loaded only where something may have to be sent. */
async function stage(relink: Relink, goal: Omit<StageGoal, "uploads">, scanned: ScannedBuild): Promise<boolean> {
  let opened: Promise<Uploads> | undefined;
  const open = async () => new (await import("../io/build/upload.ts")).Uploads(scanned, relink.fleet.hosts.length);
  const uploads = () => {
    opened ??= open();
    return opened;
  };
  try {
    return await stageHosts(relink, { ...goal, uploads });
  } finally {
    await (await opened)?.dispose();
  }
}

type Surveys = ReadonlyMap<FleetHost, Survey>;

type SurveyQuestion = RequestBody<"survey">;

/** Under the host's lock, unless nothing is to be changed. */
function surveyQuestion(run: Run, { plan }: Opened, options: TaggedOptions, digest?: string): SurveyQuestion {
  const { tag } = options;
  if (options.dryRun) return { project: plan };
  const lock = lockRequest(run, `deploy ${tag}`, options);
  // With a release, the survey would settle a host that has it already, before the plan is compared.
  if (options.plan !== undefined) return { project: plan, lock };
  return { project: plan, lock, release: { tag, ...(digest === undefined ? {} : { digest }) } };
}

/** Once a plan was compared: of hosts that had the release before, as a deploy without one has them settled by its survey. False: one refused. */
function settleServed(
  { planFor }: Opened,
  fleet: Fleet<HostTarget>,
  surveys: Surveys,
  { lock, release }: SurveyQuestion & { readonly release: Manifest },
): Promise<boolean> {
  const { tag, digest } = release;
  return fleet.askAll(async (host, session) => {
    if (surveys.get(host)?.current !== tag) return;
    const body = { project: planFor(host), lock, release: { tag, digest } };
    host.unchanged = (await session.request("survey", body, fleet.onEvent(host))).unchanged;
  });
}

/** Reads every host. undefined: at least one host refused. */
async function surveyHosts(
  run: Run,
  opened: Opened,
  fleet: Fleet<HostTarget>,
  question: SurveyQuestion,
  options: TaggedOptions,
): Promise<Surveys | undefined> {
  const surveys = new Map<FleetHost, Survey>();
  const isWell = await fleet.onAll("survey", async (host) => {
    const survey = await surveyHost(run, fleet, host, { ...question, project: opened.planFor(host) });
    surveys.set(host, survey);
    host.unchanged = survey.unchanged;
    if (question.lock !== undefined) {
      requireSound(host, survey);
      tellDoubts(run, host, survey);
    }
    return `current is ${survey.current ?? "nothing"}, ${formatBytes(survey.freeBytes)} free`;
  });
  return isWell || passOverUnreachable(run, fleet, options) ? surveys : undefined;
}
