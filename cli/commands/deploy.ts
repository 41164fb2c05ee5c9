/** `zdr deploy --tag TAG`: stage on all hosts, then activate host by host, then settle. */

import type { Survey } from "../../agent/protocol.ts";
import type { Manifest, Revision } from "../../agent/wire/release.ts";
import type { ExitCode } from "../core/exit-code.ts";
import { parallelOf } from "../core/parallel.ts";
import { type HostTarget, isConfidential, rolloutPlan } from "../core/plan.ts";
import { formatBytes } from "../core/report/units.ts";
import { doubtsAbout } from "../core/rollback.ts";
import { requireTag } from "../core/tag.ts";
import { waitMsOf } from "../core/wait.ts";
import { ZdrError } from "../failure.ts";
import type { ScannedBuild } from "../io/build/build.ts";
import { readRevision } from "../io/build/git.ts";
import type { Uploads } from "../io/build/upload.ts";
import type { EarlyRequest, RequestBody } from "../io/session/agent-session.ts";
import type { Fleet, FleetHost } from "../io/session/fleet.ts";
import { slots } from "../io/session/slots.ts";
import type { Run } from "../run.ts";
import { holdBuild } from "./parts/build.ts";
import { holdToPlan, requirePlanId, stillPlanned, tellDryRun, tellPlan } from "./parts/forecast.ts";
import { hooksOf } from "./parts/hooks.ts";
import { type FreezableOptions, isLockedFirst, lockRequest, takeLocks } from "./parts/locks.ts";
import { type Opened, openConfig, openFleet } from "./parts/open.ts";
import { concludeHosts } from "./parts/outcome.ts";
import type { Relink } from "./parts/reconnect.ts";
import { cacheFolderOf, rememberReleases } from "./parts/remember.ts";
import { rollOut } from "./parts/rollout.ts";
import { type StageGoal, stageHosts } from "./parts/stage.ts";
import { tellSurvey } from "./parts/tell-survey.ts";
import { passOverUnreachable, type UnreachableOptions } from "./parts/unreachable.ts";

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
  const held = await holdBuild(run, opened, options);
  let scanned: ScannedBuild | undefined;
  const fleet = openFleet(
    run,
    opened,
    options.dryRun === "plan" ? "plan" : options.dryRun ? "dry run" : "deploy",
    options.dryRun === "plan" ? ["survey", "stage"] : ["lock", "survey", "stage", "activate", "settle"],
    (host) => {
      const question = surveyQuestion(run, opened, options, scanned?.digest);
      return earlySurvey(opened, { ...question, project: opened.planFor(host) }, scanning);
    },
  );
  const scanning = scan(run, opened);
  const undo = run.interrupt.onFirst((signal) => fleet.abort(signal));
  try {
    scanned = await scanning;
    const question = surveyQuestion(run, opened, options, scanned.digest);
    if (question.lock && !(await takeLocks(opened, fleet, question.lock))) return concludeHosts(run, fleet.hosts);
    const surveys = await surveyHosts(run, opened, fleet, question, options);
    if (!surveys) return concludeHosts(run, fleet.hosts);
    tellBadRelease(run, surveys, options.tag);
    const hasWork = fleet.hosts.some((host) => host.unchanged === undefined);
    const manifest = manifestOf(scanned, options.tag, hasWork ? await readRevision(opened.config.folder) : undefined);
    if (options.dryRun) {
      const tell = options.dryRun === "plan" ? tellPlan : tellDryRun;
      return await tell(run, opened, fleet, surveys, manifest);
    }
    if (options.plan !== undefined) holdToPlan(opened, surveys, manifest, options.plan);
    const planned = options.plan && stillPlanned(opened, surveys, options.tag, options.plan);
    const relink = { run, fleet, opened, lock: question.lock, resumes: options.tag, ...(planned ? { planned } : {}) };
    const goal = { tag: options.tag, why: "deploy" } as const;
    const hooks = hooksOf(run, fleet, opened.config, goal);
    if (!(await hooks.before("before_stage"))) return concludeHosts(run, fleet.hosts);
    if (!(await stage(relink, { surveys, manifest, limit }, scanned))) return concludeHosts(run, fleet.hosts);
    held.release();
    rememberReleases(run, opened, [...surveys.values()], options.tag);
    if (!(await hooks.before("after_stage"))) return concludeHosts(run, fleet.hosts);
    if (!(await hooks.before("before_activate"))) return concludeHosts(run, fleet.hosts);
    undo();
    return await rollOut(relink, goal, rolloutPlan(opened.config), hooks);
  } finally {
    undo();
    held.release();
    if (fleet.failed.length === 0) scanned?.known?.save();
    else scanned?.known?.forget();
    await Promise.all([fleet.close(), scanned?.dispose()]);
  }
}

async function scan({ env, home }: Run, { config }: Opened): Promise<ScannedBuild> {
  const [{ scanBuild }, { openKnownHashes }] = await Promise.all([
    import("../io/build/build.ts"),
    import("../io/build/known-hashes.ts"),
  ]);
  const { path } = config.build;
  const known = openKnownHashes(cacheFolderOf({ env, home }), path, Date.now());
  return scanBuild(path, { modes: config.modes, allowSetuid: config.allow_setuid, known });
}

function manifestOf({ digest, entries }: ScannedBuild, tag: string, revision: Revision | undefined): Manifest {
  return { tag, digest, entries: [...entries], ...(revision === undefined ? {} : { revision }) };
}

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

/** Asked while the build may still be read: then the host looks at itself meanwhile, and is told the digest afterwards. */
function earlySurvey(
  opened: Opened,
  question: SurveyQuestion,
  scanning: Promise<ScannedBuild>,
): EarlyRequest | undefined {
  const { lock, release } = question;
  if (isConfidential(opened.plan) || (lock && isLockedFirst(opened, lock))) return undefined;
  const isComplete = release === undefined || release.digest !== undefined;
  const rest = isComplete ? undefined : scanning.then(({ digest }) => ({ verb: "digest", digest }));
  rest?.catch(() => {}); // whoever waits for the build hears of it
  return { verb: "survey", body: question, rest };
}

/** Reads every host. undefined: at least one host refused. */
async function surveyHosts(
  run: Run,
  opened: Opened,
  fleet: Fleet<HostTarget>,
  question: SurveyQuestion,
  options: UnreachableOptions,
): Promise<Surveys | undefined> {
  const surveys = new Map<FleetHost, Survey>();
  const isWell = await fleet.onAll("survey", async (host, session) => {
    const survey = await session.request("survey", { ...question, project: opened.planFor(host) }, fleet.onEvent(host));
    surveys.set(host, survey);
    host.unchanged = survey.unchanged;
    tellSurvey(run, host, survey);
    if (question.lock !== undefined) {
      requireSound(host, survey);
      tellDoubts(run, host, survey);
    }
    return `current is ${survey.current ?? "nothing"}, ${formatBytes(survey.freeBytes)} free`;
  });
  return isWell || passOverUnreachable(run, fleet, options) ? surveys : undefined;
}

/** What would be refused at the activation is refused before a byte is sent. */
function requireSound(host: FleetHost, survey: Survey): void {
  for (const program of survey.programs) {
    const { name, process } = program;
    const refused = program.findings.filter((finding) => finding.level === "refuse");
    if (program.info === undefined) {
      throw new ZdrError({
        kind: "agent",
        host: host.name,
        failure: { reason: "program-unknown", program: name, process },
      });
    }
    if (refused.length > 0) {
      const failure = { reason: "program-refused", program: name, findings: refused } as const;
      throw new ZdrError({ kind: "agent", host: host.name, failure });
    }
  }
}

/** What would be worse than it needs to be; a dry run lists it among the rest. */
function tellDoubts(run: Run, { name: host }: FleetHost, { programs }: Survey): void {
  for (const { name, findings } of programs) {
    for (const { level, text, fix } of findings) {
      if (level !== "warn") continue;
      run.output.report({ kind: "warning", host, program: name, text: `${name}: ${text}; fix: ${fix}` });
    }
  }
}
