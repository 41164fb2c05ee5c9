/**
 * What a deploy begins with: the build, and the way to every host.
 *
 * - A build that lies there is read while the hosts are connected to, and look at themselves meanwhile.
 * - One that is yet to be made may take minutes. Whatever no build changes is refused before it: a host that cannot be reached, is not
 *   set up or is locked, a supervisord that does not answer, a program that cannot be reloaded (where another command is at
 *   work this is asked after it only). With `--wait` the build is made while another command has the host. The connections stay.
 */

import type { ExitCode } from "../../core/exit-code.ts";
import { type HostTarget, isConfidential } from "../../core/plan.ts";
import type { HostPhase } from "../../core/report/progress.ts";
import { count } from "../../core/report/units.ts";
import { waitMsOf } from "../../core/wait.ts";
import { Announcement } from "../../io/build/announcement.ts";
import type { ScannedBuild } from "../../io/build/build.ts";
import type { BuildLock } from "../../io/build/build-lock.ts";
import type { EarlyRequest, RequestBody } from "../../io/session/agent-session.ts";
import type { Fleet, FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";
import { type BuildOptions, holdBuild } from "./build.ts";
import { type FreezableOptions, isLockedFirst } from "./locks.ts";
import { connectFleet, type Opened, tellSteps } from "./open.ts";
import { concludeHosts, orInterrupted } from "./outcome.ts";
import { cacheFolderOf } from "./remember.ts";
import { requireSound, requireThawed, requireUnlocked } from "./tell-survey.ts";
import { hintsToPassOver, passOverUnreachable, type UnreachableOptions } from "./unreachable.ts";

export type PrepareOptions = BuildOptions & FreezableOptions & UnreachableOptions;

export interface Prepared {
  readonly fleet: Fleet<HostTarget>;
  /** Until `release`, no other zdr builds there. */
  readonly held: BuildLock;
  readonly scanning: Promise<ScannedBuild>;
  /** Whether the entries of the build were told to agents that follow, once it has been read. */
  readonly isAnnounced: () => boolean;
}

type SurveyQuestion = RequestBody<"survey">;

/** `question`: what the hosts will be asked first, with the build's digest once that is known. Nothing stays open or held. */
export function withBuild(
  run: Run,
  opened: Opened,
  options: PrepareOptions,
  question: (digest?: string) => SurveyQuestion,
  work: (prepared: Prepared) => Promise<ExitCode>,
): Promise<ExitCode> {
  const isMade = opened.config.build.run !== undefined && options.build !== false;
  return isMade ? lookThenBuild(run, opened, options, work) : readWhileConnecting(run, opened, options, question, work);
}

async function readWhileConnecting(
  run: Run,
  opened: Opened,
  options: PrepareOptions,
  question: (digest?: string) => SurveyQuestion,
  work: (prepared: Prepared) => Promise<ExitCode>,
): Promise<ExitCode> {
  const held = await holdBuild(run, opened, options);
  // Of several hosts each would have its own copy of the list in memory, until it has taken all of it.
  const announcement = opened.targets.length === 1 ? new Announcement() : undefined;
  tellSteps(run, opened, verbOf(options), stepsOf(options));
  let digest: string | undefined;
  const fleet = connectFleet(run, opened, verbOf(options), (host) => {
    const body = { ...question(digest), project: opened.planFor(host) };
    return earlySurvey(opened, body, scanning, announcement);
  });
  const scanning = scan(run, opened, announcement);
  scanning
    .then((scanned) => {
      digest = scanned.digest;
    })
    .catch(() => {});
  try {
    return await work({ fleet, held, scanning, isAnnounced: () => announcement?.isComplete === true });
  } finally {
    held.release();
    await fleet.close();
  }
}

async function lookThenBuild(
  run: Run,
  opened: Opened,
  options: PrepareOptions,
  work: (prepared: Prepared) => Promise<ExitCode>,
): Promise<ExitCode> {
  run.output.report({ kind: "note", text: `looking at ${count(opened.targets.length, "host")} before the build` });
  const fleet = connectFleet(run, opened, verbOf(options), (host) => earlyLook(opened, host));
  let held: BuildLock | undefined;
  try {
    const isWell = await orInterrupted(run, look(opened, fleet, options));
    if (!isWell && !passOverUnreachable(run, fleet, options))
      return concludeHosts(run, fleet.hosts, true, hintsToPassOver(fleet, options));
    held = await holdBuild(run, opened, options);
    await orInterrupted(run, Promise.all(fleet.hosts.map((host) => revive(run, fleet, host))));
    tellSteps(run, opened, verbOf(options), stepsOf(options));
    return await work({ fleet, held, scanning: scan(run, opened), isAnnounced: () => false });
  } finally {
    held?.release();
    await fleet.close();
  }
}

function verbOf({ dryRun }: PrepareOptions): string {
  if (dryRun === "plan") return "plan";
  return dryRun ? "dry run" : "deploy";
}

function stepsOf({ dryRun }: PrepareOptions): readonly HostPhase[] {
  return dryRun === "plan" ? ["survey", "stage"] : ["lock", "survey", "stage", "preflight", "activate", "settle"];
}

async function scan({ env, home }: Run, { config }: Opened, announcement?: Announcement): Promise<ScannedBuild> {
  const [{ scanBuild }, { openKnownHashes }] = await Promise.all([
    import("../../io/build/build.ts"),
    import("../../io/build/known-hashes.ts"),
  ]);
  const { path } = config.build;
  const known = openKnownHashes(cacheFolderOf({ env, home }), path, Date.now());
  return scanBuild(path, { modes: config.modes, allowSetuid: config.allow_setuid, known, announcement });
}

/** Asked while the build may still be read: then the host looks at itself meanwhile, and is told the digest afterwards. */
function earlySurvey(
  opened: Opened,
  question: SurveyQuestion,
  scanning: Promise<ScannedBuild>,
  announcement: Announcement | undefined,
): EarlyRequest | undefined {
  const { lock, release } = question;
  if (isConfidential(opened.plan) || (lock && isLockedFirst(opened, lock))) return undefined;
  if (release === undefined || release.digest !== undefined) return { verb: "survey", body: question };
  const follow = (write: (line: object) => number) => {
    announcement?.follow(write);
    // Whoever waits for the build hears of its failure.
    scanning.then(({ digest }) => write({ verb: "digest", digest })).catch(() => {});
  };
  return { verb: "survey", body: question, follow };
}

function earlyLook(opened: Opened, host: HostTarget): EarlyRequest | undefined {
  return isConfidential(opened.plan) ? undefined : { verb: "survey", body: { project: opened.planFor(host) } };
}

/** Takes no lock. False: a host refuses, which is noted with it. What a dry run finds it tells later, with the rest. */
function look(opened: Opened, fleet: Fleet<HostTarget>, options: PrepareOptions): Promise<boolean> {
  const { dryRun, ignoreFreeze } = options;
  const waits = waitMsOf(options.wait) > 0;
  return fleet.askAll(async (host, session) => {
    const survey = await session.request("survey", { project: opened.planFor(host) });
    if (dryRun) return;
    if (ignoreFreeze !== true) requireThawed(host, survey);
    // It may have gone by the end of the build; but whoever does not wait is told at once, and not when the build is made for nothing.
    if (!waits) requireUnlocked(host, survey);
    // What is seen may be the other command's doing, and pass; who has the lock sees it again.
    if (survey.isUnsettled !== true) requireSound(host, survey);
  });
}

/** A build takes minutes, in which links die. What is in the way of a new one shows in the next step. */
async function revive(run: Run, fleet: Fleet<HostTarget>, host: FleetHost): Promise<void> {
  try {
    // It has no lock: this is the least that can be asked.
    await (await host.session).request("unlock", {});
  } catch {
    run.output.report({ kind: "note", host: host.name, text: "its link died during the build; connecting again" });
    await fleet.reopen(host).catch(() => {});
  }
}
