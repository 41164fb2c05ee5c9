/**
 * Hosts whose link dies while a command is at work on them.
 *
 * - They are connected to anew, a bounded number of times, each told to whoever watches.
 * - The lock that is taken again is the own one: an agent that has not noticed yet, or still works alone, is waited for, over
 *   however many links it takes; anybody else who has the lock is told of, as always.
 * - An agent that died is not a link that died: that is a failure like any other.
 */
import { type LockRequest, SILENCE_LIMIT_MS, type Survey } from "../../../agent/protocol.ts";
import type { HostTarget } from "../../core/plan.ts";
import { formatMs } from "../../core/report/units.ts";
import { explain } from "../../explain.ts";
import { type LinkFailure, ZdrError } from "../../failure.ts";
import type { AgentSession } from "../../io/session/agent-session.ts";
import type { Fleet, FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";
import type { Opened } from "./open.ts";

/** Before each try. A network that is away for longer has more wrong with it than a deploy can wait for. */
export const RECONNECT_PAUSES_MS = [500, 2_000, 5_000, 10_000] as const;
/** Beyond the silence limit: how long an agent may take to notice that nobody listens, and to end. */
const UNDO_PATIENCE_MS = 30_000;
/** How long an agent that finishes an activation alone is waited for: its drains and watches are part of it. */
export const OUTCOME_PATIENCE_MS = 15 * 60_000;
const POLL_MS = 500;

/** How a host is taken hold of again. */
export interface Relink {
  readonly run: Run;
  readonly fleet: Fleet<HostTarget>;
  readonly opened: Opened;
  readonly lock: LockRequest | undefined;
  /** The tag whose upload goes on. */
  readonly resumes?: string;
  /** The plan that the deploy is held to. */
  readonly planned?: Planned | undefined;
}

export interface Planned {
  /** Its ID. */
  readonly plan: string;
  isHeld(host: FleetHost, survey: Survey): boolean;
}

/** `again`: what was found over a new link, after one that died in the middle of this very work. */
export type LinkedWork<T> = (session: AgentSession, again: Survey | undefined) => Promise<T>;

/** Runs `work`; where the link dies in it, runs it again on a new one. Fails with the last failure when all tries are used up. */
export async function overNewLinks<T>(
  relink: Relink,
  host: FleetHost,
  work: LinkedWork<T>,
  patienceMs = silenceMsOf(relink, host) + UNDO_PATIENCE_MS,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      const again = tries > 0 ? await takeHoldAgain(relink, host, patienceMs) : undefined;
      return await work(await host.session, again);
    } catch (error) {
      const pauseMs = RECONNECT_PAUSES_MS[tries];
      if (!isOfTheLink(error, tries > 0) || pauseMs === undefined || isGivenUp(relink)) throw error;
      tellLoss(relink, host, error, tries, pauseMs);
      await pause(relink, pauseMs);
      if (isGivenUp(relink)) throw error;
    }
  }
}

/**
 * While nobody held its lock, somebody else may have been at work on the host: then a deploy that is held to a plan does nothing more
 * there. `tag`: of the release that it is to take.
 *
 * @throws ZdrError `host-changed`.
 */
export function requirePlanned(
  { planned, opened: { given } }: Relink,
  host: FleetHost,
  survey: Survey,
  tag: string,
): void {
  if (planned === undefined || planned.isHeld(host, survey)) return;
  const isThere = survey.releases.some((release) => release.tag === tag && release.isPresent);
  host.state = isThere ? { kind: "staged", tag, current: survey.current } : { kind: "untouched" };
  throw new ZdrError({ kind: "host-changed", host: host.name, plan: planned.plan, tag, given });
}

/** How long an agent may hear nothing before it takes its link for dead: it is told what the config says. */
function silenceMsOf({ opened }: Relink, { name }: FleetHost): number {
  const target = opened.targets.find((one) => one.name === name);
  return (target?.kind === "ssh" ? target.silenceMs : undefined) ?? SILENCE_LIMIT_MS;
}

const isGivenUp = ({ run }: Relink) => run.interrupt.signal !== undefined;

/** What a new connection may help against. A host that shows another key, or lets nobody in, is not asked again. */
function isOfTheLink(error: unknown, isReconnecting: boolean): error is ZdrError {
  if (!(error instanceof ZdrError) || error.failure.kind !== "link") return false;
  const { link } = error.failure;
  if (link.kind === "link-lost") return link.isAgentsEnd !== true;
  return link.kind === "link-silent" || (isReconnecting && PASSING.has(link.kind));
}

const PASSING: ReadonlySet<LinkFailure["kind"]> = new Set([
  "unreachable",
  "connect-timeout",
  "handshake",
  "jump",
  "openssh",
  "agent-start",
]);

function tellLoss({ run }: Relink, { name: host }: FleetHost, error: ZdrError, tries: number, pauseMs: number): void {
  const what = explain(error.failure).error.join("; ").replace(`${host}: `, "");
  const text = `${what}; connecting again in ${formatMs(pauseMs)} (try ${tries + 1} of ${RECONNECT_PAUSES_MS.length})`;
  run.output.report({ kind: "warning", host, text });
}

/** Ends early when the operator wants to stop. */
async function pause(relink: Relink, ms: number): Promise<void> {
  const end = performance.now() + ms;
  for (let left = ms; left > 0 && !isGivenUp(relink); left = end - performance.now()) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, POLL_MS)));
  }
}

/** A new session that has the host's lock. */
async function takeHoldAgain(relink: Relink, host: FleetHost, patienceMs: number): Promise<Survey> {
  const { fleet, opened, run, resumes } = relink;
  host.isLockGone = true;
  const session = await fleet.reopen(host);
  // Whoever is at work already is not stopped by a freeze, and whom it waits for is known.
  const lock = relink.lock && { by: relink.lock.by, why: relink.lock.why, ignoresFreeze: true };
  const question = {
    project: opened.planFor(host),
    ...(lock ? { lock } : {}),
    ...(resumes === undefined ? {} : { resumes }),
  };
  const deadline = performance.now() + patienceMs;
  for (let isTold = false; ; isTold = true) {
    try {
      const survey = await session.request("survey", question, fleet.onEvent(host));
      host.isLockGone = false;
      if (survey.recovered !== undefined) {
        run.output.report({ kind: "note", host: host.name, text: survey.recovered });
      }
      return survey;
    } catch (error) {
      if (!isHeldByOwn(error, relink, host) || performance.now() > deadline) throw error;
      const { signal } = run.interrupt;
      if (signal !== undefined) throw new ZdrError({ kind: "interrupted", signal }, error);
      const text = "connected again; its agent is still at work, and is waited for";
      if (!isTold) run.output.report({ kind: "note", host: host.name, text });
      await pause(relink, POLL_MS);
    }
  }
}

function isHeldByOwn(error: unknown, { fleet }: Relink, host: FleetHost): boolean {
  if (!(error instanceof ZdrError) || error.failure.kind !== "agent") return false;
  const { failure } = error.failure;
  return failure.reason === "locked" && fleet.isOwnAgent(host, failure.pid);
}
