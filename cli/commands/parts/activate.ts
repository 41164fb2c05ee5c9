/** One host takes a release, or goes back to one. */

import type { AgentEvent, Survey } from "../../../agent/protocol.ts";
import type { AgentFailureReason } from "../../../agent/wire/failure.ts";
import type { ActivationReport } from "../../../agent/wire/report.ts";
import { type HostState, stateOf } from "../../core/report/state-line.ts";
import { hintOnRefusal } from "../../explain/fleet.ts";
import { ZdrError } from "../../failure.ts";
import type { AgentSession, OnEvent } from "../../io/session/agent-session.ts";
import type { FleetHost } from "../../io/session/fleet.ts";
import { OUTCOME_PATIENCE_MS, overNewLinks, type Relink, requirePlanned } from "./reconnect.ts";

export interface ActivationGoal {
  readonly tag: string;
  readonly why: "deploy" | "rollback";
}

/** How far the activation of one host has got, for whoever interrupts it. */
export interface UnderWay {
  readonly host: FleetHost;
  hasFlipped: boolean;
  isOver: boolean;
  /** It is over, and the host is watched before others take the release. */
  isWatched: boolean;
  /** Its session ends with the answer to what is under way. */
  isAborted: boolean;
}

/**
 * Asks every host what would keep it from taking the release, before a hook of the activation runs, or anything that serves is changed,
 * on any of them. False: one of them refused.
 */
export async function preflightHosts(relink: Relink, goal: ActivationGoal): Promise<boolean> {
  const { fleet } = relink;
  // Of a host where the release serves already the session is over.
  const hosts = fleet.hosts.filter(({ unchanged }) => unchanged === undefined);
  const ask = async (host: FleetHost) => {
    host.phase = "plan";
    try {
      await overNewLinks(relink, host, async (session, again) => {
        if (again !== undefined && goal.why === "deploy") requirePlanned(relink, host, again, goal.tag);
        host.isServed = (await session.request("preflight", goal, fleet.onEvent(host))).isServed;
      });
    } catch (error) {
      const reason = agentFailure(error);
      if (reason !== undefined) host.state = stateBefore(host.state, reason);
      throw error;
    }
    return undefined;
  };
  await Promise.all(hosts.map((host) => fleet.onOne(host, "preflight", ask)));
  return fleet.failed.length === 0;
}

/** What else can be done where some hosts have refused and others have not. */
export function hintsOnRefusal({ failed, hosts }: Relink["fleet"]): string[] {
  const isSome = failed.length > 0 && failed.length < hosts.length;
  const isRefused = failed.every(({ failure }) => failure?.failure.kind === "agent");
  return isSome && isRefused ? [hintOnRefusal(failed.map(({ name }) => name))] : [];
}

/** False: this host did not take the release, so no further one is tried. */
export async function activateHost(relink: Relink, underWay: UnderWay, goal: ActivationGoal): Promise<boolean> {
  const { run, fleet } = relink;
  const { host } = underWay;
  const tell = fleet.onEvent(host);
  const onEvent = (event: AgentEvent) => {
    if (event.event === "phase" && event.phase === "flip") underWay.hasFlipped = true;
    tell(event);
  };
  const before = host.state;
  const isTaken = await fleet.onOne(host, "activate", async () => {
    host.activation =
      host.unchanged?.report ?? (await activation(relink, host, goal, onEvent, () => underWay.hasFlipped));
    host.state = stateOf(host.activation);
    for (const text of host.activation.warnings) run.output.report({ kind: "warning", host: host.name, text });
    const words = outcomeWords(host.activation);
    return host.state.kind === "serves" ? words : { failed: words };
  });
  underWay.isOver = true;
  // The agent answers with a failure only where it changed nothing; a broken link leaves the host to itself.
  // Of a first deploy it takes the release away again.
  if (host.failure?.failure.kind === "agent" && host.phase !== "halfway") {
    host.state = stateBefore(before, host.failure.failure.failure.reason);
  }
  return isTaken;
}

function stateBefore(before: HostState, reason: AgentFailureReason): HostState {
  // Where the lock is somebody else's by now, nothing was asked.
  if (before.kind !== "staged" || reason === "locked" || reason === "frozen") return before;
  if (before.current === undefined) return { kind: "untouched" };
  return reason.startsWith("supervisor-") ? { ...before, kind: "unasked" } : before;
}

/**
 * One activation, over whichever link its end is heard. The agent finishes alone once it has flipped: then it is asked what it came
 * to; before that it undoes, and is told again.
 */
async function activation(
  relink: Relink,
  host: FleetHost,
  goal: ActivationGoal,
  onEvent: OnEvent,
  hasFlipped: () => boolean,
): Promise<ActivationReport> {
  const before = host.state;
  const { deployTo } = relink.opened.plan;
  let name = crypto.randomUUID();
  /** It has been asked for, and not been answered. */
  let isOpen = false;
  const outcome = async (session: AgentSession) =>
    (await session.request("outcome", { deployTo, activation: name })).report;
  const take = async (session: AgentSession, again: Survey | undefined) => {
    const report = again === undefined ? undefined : await outcome(session);
    if (report !== undefined) return report;
    if (again !== undefined && goal.why === "deploy") requirePlanned(relink, host, again, goal.tag);
    if (!session.isOver) {
      host.state = { kind: "unknown", tag: goal.tag };
      host.phase = "activate";
    }
    name = crypto.randomUUID();
    isOpen = !session.isOver;
    const answer = session.request("activate", { ...goal, activation: name }, onEvent);
    answer.catch((error) => {
      if (agentFailure(error) !== undefined) isOpen = false;
      if (isOpen && isAgentsEnd(error)) host.state = cutShort(before, goal.tag, hasFlipped());
    });
    return answer;
  };
  try {
    return await overNewLinks(relink, host, take, OUTCOME_PATIENCE_MS);
  } catch (error) {
    const reason = agentFailure(error);
    if (!isOpen || reason === undefined) throw error;
    // The lock was not to be had again; what became of this is known all the same, unless nobody has ended it. Then its agent
    // may have flipped and be at work: whoever has the lock, and whatever is in the way of the answer, the state is unknown.
    host.phase = "halfway";
    const report = await outcome(await host.session);
    if (report === undefined) throw error;
    host.phase = "activate";
    const settled = { pruned: [], warnings: ["the host's lock was not to be had again, so nothing was pruned"] };
    host.unchanged = { report, settled };
    return report;
  }
}

/** The flip may have been done and not been heard of: without a word of it, no more is said than what the host had before. */
function cutShort(before: HostState, tag: string, hasFlipped: boolean): HostState {
  return hasFlipped || before.kind !== "staged" ? { kind: "cut-short", tag } : { ...before, kind: "unheard" };
}

function isAgentsEnd(error: unknown): boolean {
  const failure = error instanceof ZdrError ? error.failure : undefined;
  return failure?.kind === "link" && failure.link.kind === "link-lost" && failure.link.isAgentsEnd === true;
}

function agentFailure(error: unknown): AgentFailureReason | undefined {
  const failure = error instanceof ZdrError ? error.failure : undefined;
  return failure?.kind === "agent" ? failure.failure.reason : undefined;
}

function outcomeWords({ outcome, tag, previous }: ActivationReport): string {
  switch (outcome) {
    case "kept":
      return `${tag} serves, proved`;
    case "unchanged":
      return `${tag} served already, proved`;
    case "reverted":
      return `reverted to ${previous ?? "nothing"}`;
    case "stuck":
      return "stuck";
  }
}

/**
 * A host that took the release goes back to what it had before, proved like any rollback; false: it did not, or there was
 * nothing to go back to, or it is not this command's to change any more.
 */
export async function goBack(relink: Relink, host: FleetHost): Promise<boolean> {
  const { run, fleet } = relink;
  if (host.isLockGone) {
    const text = "it is not taken back: its lock was not to be had again after the link had died";
    run.output.report({ kind: "warning", host: host.name, text });
    return false;
  }
  const { outcome, previous } = host.activation ?? {};
  if (previous === undefined || outcome === "unchanged") {
    const what = outcome === "unchanged" ? "it had this release before" : "this was its first release";
    run.output.report({ kind: "warning", host: host.name, text: `${what}: there is nothing to go back to` });
    return false;
  }
  const back = { tag: previous, why: "rollback" } as const;
  const { failure: earlier, state: before } = host;
  const isBack = await fleet.onOne(host, "revert", async () => {
    host.wentBack = await activation(relink, host, back, fleet.onEvent(host), () => true);
    const { outcome } = host.wentBack;
    const isProved = outcome === "kept" || outcome === "unchanged";
    host.state = isProved ? { kind: "reverted", current: previous } : { kind: "stuck", serves: host.wentBack.serves };
    return isProved ? `${previous} serves again, proved` : { failed: outcomeWords(host.wentBack) };
  });
  if (host.failure === earlier) return isBack;
  host.backFailure = host.failure;
  host.failure = earlier;
  if (host.backFailure?.failure.kind === "agent" && host.phase !== "halfway") host.state = before;
  return isBack;
}
