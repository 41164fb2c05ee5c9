/**
 * Back to what was there before the flip, verified like a deploy.
 *
 * - It goes to what was current, but never to a release that the ledger knows not to be good while there is one that is.
 * - Nothing that goes wrong on the way (a ledger that can not be written, a log that can not be read) ends it early.
 * - Where what it goes back to has been removed, whoever still serves that is left alone: stopped, it could not be started again.
 * - A program that was down before is down afterwards; one that was told nothing, or provably runs the old release
 *   already, is left alone.
 * - A program that does not come back by its own way of reloading is stopped and started, more than once if need be: a gap
 *   costs less than a host that serves the wrong release, or nothing. What can not be proved then is for a person to see.
 * - A supervisord that does not answer is waited for: a revert needs it, and may well be needed because it was restarted.
 * - One program that does not come back, or of a first deploy does not stop, keeps none of the others from it.
 */

import type { HostContext } from "../context.ts";
import { isDown } from "../core/decision.ts";
import { AgentError, failureOf } from "../core/failure.ts";
import { releaseRecords, revertTarget } from "../core/ledger.ts";
import { isGradual, PRESETS } from "../core/presets.ts";
import { outageMs } from "../core/trace/outage.ts";
import { hookFacts, runLaterHooks } from "../hooks/hooks.ts";
import { flipCurrent, readCurrent, removeCurrent } from "../io/current.ts";
import { isOutOfRoom } from "../io/files.ts";
import { probeOnce } from "../io/http/probe.ts";
import { giveUpReserve, readLedger } from "../io/ledger-file.ts";
import { linesSince } from "../io/program-log.ts";
import { presentReleases, requirePresent } from "../io/release/releases.ts";
import { bringMembersBack } from "../members/before.ts";
import { stopMembers } from "../members/members.ts";
import { refuseOrphans } from "../orphans/orphans.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ActivationReport, ProgramReport } from "../wire/report.ts";
import type { Activation, Before } from "./activation.ts";
import { type Brought, bringProgram, provedAlready, provedBy } from "./bring.ts";
import { waitDrained } from "./drain.ts";
import { viewProgram } from "./program-view.ts";
import { finish, provedIn, reportProgram } from "./report.ts";
import { STRATEGIES } from "./strategies.ts";
import { askToStart, infoOf, settledInfo, whenSupervised } from "./supervised.ts";

/** What failed may hang until its library kills it. It serves nobody any more, so it is not waited for as a good one is. */
export const FAILED_DRAIN_LIMIT_MS = 3_000;
/** overseer's File fetcher: until the file rests, and its sanity check, 5 s at most. */
const NOTICED_BY_MS = 6_000;
const HOLD_INTERVAL_MS = 100;
/** One look may find all of its workers busy. */
const LOOKS_AT_OLD = 20;
const LOOK_PAUSE_MS = 100;
/** Before another stop and start. */
const RESTART_PAUSE_MS = 1_000;

/** Nothing is put back meanwhile, and a supervisord that has to be asked for it may be silent. */
const LOG_LIMIT_MS = 5_000;

interface LoggedLine {
  readonly program: string;
  readonly line: string;
}

/** What the failed release has logged, before the old one logs into the same file. */
async function loggedSince({ context, befores }: Activation): Promise<LoggedLine[]> {
  const marks = befores.flatMap((before) => before.members ?? [before]);
  const read = async ({ program, log }: (typeof marks)[number]) =>
    (await linesSince(log, context.supervisor)).map((line) => ({ program: program.name, line }));
  return (await Promise.all(marks.map(read))).flat();
}

export async function revert(activation: Activation, failure: AgentFailure): Promise<ActivationReport> {
  const { context } = activation;
  const cause = { failure, at: context.now() };
  activation.step("failed");
  activation.recorder.note({ what: "failed", detail: failure.reason });
  const previous = chooseTarget(activation);
  context.emit({ event: "phase", phase: "revert", detail: previous ?? "nothing was deployed before" });
  const log = await Promise.race([loggedSince(activation), context.sleep(LOG_LIMIT_MS).then(() => [])]);
  activation.lap("tried");
  activation.record({ event: "bad", reason: failure.reason });
  activation.reports.length = 0;
  const facts = { reason: failure.reason };
  activation.warnings.push(...(await runLaterHooks(context, { ...hookFacts(activation, "before_revert"), ...facts })));
  try {
    await putBack(activation, cause);
    activation.step("proved");
    activation.lap("revert");
  } catch (error) {
    activation.step("failed");
    activation.lap("revert");
    const revertFailure = failureOf(error);
    activation.recorder.note({ what: "stuck", detail: revertFailure.reason });
    activation.record({ event: "stuck", reason: revertFailure.reason, ms: activation.elapsedMs });
    return finish(activation, "stuck", { failure, revertFailure, log });
  }
  const to = previous === undefined ? {} : { to: previous };
  activation.record({ event: "reverted", ...to, ...provedIn(activation) });
  activation.recorder.note({ what: "reverted", ...(previous === undefined ? {} : { detail: `to ${previous}` }) });
  activation.warnings.push(...(await runLaterHooks(context, { ...hookFacts(activation, "after_revert"), ...facts })));
  context.emit({ event: "phase", phase: "reverted", detail: previous ?? "nothing" });
  return finish(activation, "reverted", { failure, log });
}

/** Of what is read here nothing may keep it from going back. */
function chooseTarget(activation: Activation): string | undefined {
  const { context, order, previous: from } = activation;
  try {
    const records = releaseRecords(readLedger(context.layout).entries);
    const target = revertTarget(records, new Set(presentReleases(context.layout)), { tag: order.tag, from });
    if (target !== from) activation.warnings.push(`${from}, which was current, is not good: ${target} serves instead`);
    activation.previous = target;
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
  }
  return activation.previous;
}

/** What failed, and when that was known. */
interface Cause {
  readonly failure: AgentFailure;
  readonly at: number;
}

async function putBack(activation: Activation, cause: Cause): Promise<void> {
  const { context, previous, befores } = activation;
  const failures: unknown[] = [];
  const attempt = (work: () => Promise<void>) => work().catch((error) => failures.push(error));
  if (previous === undefined) {
    removeCurrent(context.layout);
    for (const { program } of befores) {
      await attempt(() => whenSupervised(context, () => stopMembers(context, program)));
      await attempt(async () => STRATEGIES[program.reload.strategy].clear(context, program));
    }
  } else {
    requirePresent(context.layout, previous);
    for (const before of befores) await refillSlot(activation, before, previous);
    flipBack(context, previous);
    for (const before of befores) {
      await attempt(() => whenSupervised(context, () => bringBack(activation, before, previous, cause)));
    }
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * Supervisor may be starting a program again this very moment: its slot must hold the old binary before that. Where that
 * does not work (the old release may not know the program), bringing it back says so; the link goes back all the same.
 */
async function refillSlot({ context }: Activation, { program, wasUp, kept }: Before, previous: string): Promise<void> {
  if (!wasUp && kept === undefined) return;
  try {
    await STRATEGIES[program.reload.strategy].prepare(context, program, previous, kept);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
  }
}

/** A disk without room for one more link gives up what was set aside for the ledger. */
function flipBack({ layout }: HostContext, previous: string): void {
  if (readCurrent(layout) === previous) return;
  try {
    flipCurrent(layout, previous);
  } catch (error) {
    if (!isOutOfRoom(error)) throw error;
    giveUpReserve(layout);
    flipCurrent(layout, previous);
  }
}

async function bringBack(activation: Activation, before: Before, previous: string, cause: Cause): Promise<void> {
  const { context } = activation;
  const { program, info, wasUp } = before;
  if (!activation.asked.has(program)) return;
  await refuseOrphans(context, program);
  if (!wasUp) {
    await stopMembers(context, program);
    // Supervisor was trying to start it, and goes on trying; that it succeeds is nobody's promise.
    if (info.statename === "BACKOFF") await askToStart(context, program).catch(() => undefined);
    return;
  }
  let brought =
    before.members === undefined
      ? await bringOld(context, before, previous)
      : await bringMembersBack(activation, before, previous, bringOld);
  if (brought.action === "none") {
    warnOfDeafness(activation, program);
    if (await mayStillNotice(context, program, previous)) brought = await bringOld(context, before, previous);
  }
  const drained = await waitDrained(context, brought, AbortSignal.timeout(FAILED_DRAIN_LIMIT_MS));
  const report = reportProgram(before, brought, drained, await activation.stopMeter(program));
  activation.reports.push({ ...report, ...whatWasTried(activation, before, brought, cause) });
}

/** Of a program with members the others serve on while one is away: its outage is what the meter counts. */
function whatWasTried(
  activation: Activation,
  { program, members }: Before,
  back: Brought,
  { failure, at }: Cause,
): Pick<ProgramReport, "tried" | "gapMs"> {
  const tried = activation.tried.get(program);
  if (tried === undefined) return {};
  if (members !== undefined) return { tried: tried.action };
  const isAtFault = "program" in failure ? failure.program === program.name : failure.reason !== "hook-failed";
  const firstFailureAt = activation.firstFailureAt(program);
  const gapMs = outageMs({ tried, failedAt: at, isAtFault, firstFailureAt, back });
  return { tried: tried.action, ...(gapMs === undefined ? {} : { gapMs: Math.round(gapMs) }) };
}

/**
 * A program that looks for a new binary by itself may have begun to read the one that failed, and run it when it is done
 * with that: so its slot is held until then.
 */
async function mayStillNotice(context: HostContext, program: ProgramPlan, previous: string): Promise<boolean> {
  const { hold } = STRATEGIES[program.reload.strategy];
  if (hold === undefined) return false;
  const deadline = context.now() + NOTICED_BY_MS;
  while (context.now() < deadline) {
    await hold(context, program, previous);
    await context.sleep(HOLD_INTERVAL_MS);
  }
  return true;
}

/** The old process serves on, and its library has had its one reload. */
function warnOfDeafness({ warnings }: Activation, { name, reload: { preset } }: ProgramPlan): void {
  if (preset === undefined || PRESETS[preset].deafAfterFailure !== true) return;
  warnings.push(`${name} can not be reloaded any more until it is restarted (${preset}): zdr restart ${name}`);
}

/**
 * Stopped and started as long as the program may drain: an orphan of the generation that failed may finish its requests
 * with the port in its hands, and supervisor, quicker than us, may have started what failed once more.
 */
async function bringOld(context: HostContext, before: Before, tag: string): Promise<Brought> {
  const { program, kept } = before;
  const isTrying = isGradual(program);
  const reload = isTrying ? "always" : "if-needed";
  const bring = (restart: boolean) => bringProgram(context, program, { tag, reload, restart, kept });
  let failure: AgentError | undefined;
  try {
    const already = await servesAnew(context, before, tag);
    if (typeof already === "object") return already;
    if (!already && !(await isDeaf(context, program))) return await bring(false);
  } catch (error) {
    failure = requireRestartable(error);
    const serves = isTrying ? await servesStill(context, program, tag) : undefined;
    if (serves !== undefined) return serves;
  }
  const deadline = context.now() + program.reload.drainMs;
  for (;;) {
    try {
      return await bring(true);
    } catch (error) {
      const again = requireRestartable(error);
      if (context.now() > deadline) throw failure ?? again;
    }
    await context.sleep(RESTART_PAUSE_MS);
  }
}

/**
 * The old release, where it answers all the same: its master has heard, and waits for a worker that hangs until its own
 * patience ends. A restart would only add a gap.
 */
async function servesStill(context: HostContext, program: ProgramPlan, tag: string): Promise<Brought | undefined> {
  for (let look = 0; look < LOOKS_AT_OLD; look++) {
    const info = await infoOf(context, program);
    const brought = info.statename === "RUNNING" ? await provedAlready(context, program, info, tag) : undefined;
    if (brought !== undefined) return brought;
    await context.sleep(LOOK_PAUSE_MS);
  }
  return undefined;
}

/** The failure, where a stop and start may mend it; anything else is thrown on. */
function requireRestartable(error: unknown): AgentError {
  if (error instanceof AgentError && TAKES_A_RESTART.has(error.failure.reason)) return error;
  throw error;
}

const TAKES_A_RESTART: ReadonlySet<AgentFailure["reason"]> = new Set([
  "start-failed",
  "crashed",
  "not-ready",
  "not-reloaded",
  "unhealthy",
  "wrong-release",
]);

/**
 * Whether supervisor has started the program by itself since the flip, from what failed: then it is not reloaded, since a
 * master of that release (overseer's) would serve the old one, prove it, and crash afterwards. Where the old release was
 * started, that is the answer.
 */
async function servesAnew(
  context: HostContext,
  { program, info: before, kept }: Before,
  tag: string,
): Promise<Brought | boolean> {
  const info = await settledInfo(context, program);
  if (isDown(info.statename) || (info.pid === before.pid && info.start === before.start)) return false;
  const processes = await viewProgram(context, program, info.pid);
  const master = processes.find(({ supervised }) => supervised)?.release;
  if (master !== undefined && master !== tag) return true;
  return (await provedBy(context, program, info, tag, processes, kept)) ?? true;
}

/** Whether nothing of the program serves, and its library would not hear of another reload before its own time is up. */
async function isDeaf(context: HostContext, program: ProgramPlan): Promise<boolean> {
  const { preset, strategy } = program.reload;
  const isHandover = strategy === "handover" || strategy === "http";
  if (preset === undefined ? !isHandover : PRESETS[preset].hearsWhileHung) return false;
  const info = await infoOf(context, program);
  const processes = await viewProgram(context, program, info.pid);
  if (processes.some(({ accepts }) => accepts)) return false;
  if (!processes.some(({ denied }) => denied)) return true;
  return program.health !== undefined && (await probeOnce(program.health)).status === undefined;
}
