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

import type { Activation, Before } from "../activation/activation.ts";
import type { Brought } from "../activation/bring.ts";
import { waitDrained } from "../activation/drain.ts";
import { finish, provedIn, reportProgram } from "../activation/report.ts";
import { STRATEGIES } from "../activation/strategies.ts";
import { askToStart, whenSupervised } from "../activation/supervised.ts";
import type { HostContext } from "../context.ts";
import { AgentError, failureOf } from "../core/failure.ts";
import { releaseRecords, revertTarget } from "../core/ledger.ts";
import { PRESETS } from "../core/presets.ts";
import { outageMs } from "../core/trace/outage.ts";
import { hookFacts, runLaterHooks } from "../hooks/hooks.ts";
import { flipCurrent, readCurrent, removeCurrent } from "../io/current.ts";
import { isOutOfRoom } from "../io/files.ts";
import { giveUpReserve, readLedger } from "../io/ledger-file.ts";
import { linesSince } from "../io/program-log.ts";
import { presentReleases, requirePresent } from "../io/release/releases.ts";
import { bringMembersBack } from "../members/before.ts";
import { stopMembers } from "../members/members.ts";
import { refuseOrphans } from "../orphans/orphans.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ActivationReport, ProgramReport } from "../wire/report.ts";
import { bringOld } from "./bring-old.ts";

/** What failed may hang until its library kills it. It serves nobody any more, so it is not waited for as a good one is. */
export const FAILED_DRAIN_LIMIT_MS = 3_000;
/** overseer's File fetcher: until the file rests, and its sanity check, 5 s at most. */
const NOTICED_BY_MS = 6_000;
const HOLD_INTERVAL_MS = 100;
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
    await withRoom(context, () => flipBack(context, previous));
    for (const before of befores) {
      await attempt(() => whenSupervised(context, () => bringBack(activation, before, previous, cause)));
    }
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * Supervisor may be starting a program again this very moment: its slot must hold the old binary before that. One that was down,
 * and has been told something since the flip, must not be started from the release that failed the next time, whoever starts it.
 * Where that does not work, bringing it back says so; the link goes back all the same.
 */
async function refillSlot({ context, asked }: Activation, before: Before, previous: string): Promise<void> {
  const { program, wasUp, kept } = before;
  if (!wasUp && !asked.has(program)) return;
  const { prepare, clear } = STRATEGIES[program.reload.strategy];
  try {
    await withRoom(context, () => prepare(context, program, previous, kept));
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // The old release may not know the program: then there is nothing to start.
    const { failure } = error;
    if (!wasUp && failure.reason === "io" && failure.code === "ENOENT") clear(context, program);
  }
}

function flipBack({ layout }: HostContext, previous: string): void {
  if (readCurrent(layout) !== previous) flipCurrent(layout, previous);
}

/** A disk without room for what the way back needs gives up what was set aside for the ledger. */
async function withRoom({ layout }: HostContext, work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isOutOfRoom(error)) throw error;
    giveUpReserve(layout);
    await work();
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
