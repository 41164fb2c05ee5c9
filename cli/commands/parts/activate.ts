/** One host takes a release, or goes back to one. */

import type { AgentEvent } from "../../../agent/protocol.ts";
import type { AgentFailureReason } from "../../../agent/wire/failure.ts";
import type { ActivationReport } from "../../../agent/wire/report.ts";
import type { HostTarget } from "../../core/plan.ts";
import { type HostState, stateOf } from "../../core/report/state-line.ts";
import type { Fleet, FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";

export interface ActivationGoal {
  readonly tag: string;
  readonly why: "deploy" | "rollback";
}

/** How far the activation of one host has got, for whoever interrupts it. */
export interface UnderWay {
  readonly host: FleetHost;
  hasFlipped: boolean;
  isOver: boolean;
  /** Its session ends with the answer to what is under way. */
  isAborted: boolean;
}

/** False: this host did not take the release, so no further one is tried. */
export async function activateHost(
  run: Run,
  fleet: Fleet<HostTarget>,
  underWay: UnderWay,
  goal: ActivationGoal,
): Promise<boolean> {
  const { host } = underWay;
  const tell = fleet.onEvent(host);
  const onEvent = (event: AgentEvent) => {
    if (event.event === "phase" && event.phase === "flip") underWay.hasFlipped = true;
    tell(event);
  };
  const before = host.state;
  host.state = { kind: "unknown", tag: goal.tag };
  host.phase = "activate";
  const isTaken = await fleet.onOne(host, "activate", async (_, session) => {
    host.activation = host.unchanged?.report ?? (await session.request("activate", goal, onEvent));
    host.state = stateOf(host.activation);
    for (const text of host.activation.warnings) run.output.report({ kind: "warning", host: host.name, text });
    const words = outcomeWords(host.activation);
    return host.state.kind === "serves" ? words : { failed: words };
  });
  underWay.isOver = true;
  // The agent answers with a failure only where it changed nothing; a broken link leaves the host to itself.
  // Of a first deploy it takes the release away again.
  if (host.failure?.failure.kind === "agent") {
    host.state = stateBefore(before, host.failure.failure.failure.reason);
  }
  return isTaken;
}

function stateBefore(before: HostState, reason: AgentFailureReason): HostState {
  if (before.kind !== "staged") return before;
  if (before.current === undefined) return { kind: "untouched" };
  return reason.startsWith("supervisor-") ? { ...before, kind: "unasked" } : before;
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
 * nothing to go back to.
 */
export async function goBack(run: Run, fleet: Fleet<HostTarget>, host: FleetHost): Promise<boolean> {
  const previous = host.activation?.previous;
  if (previous === undefined) {
    run.output.report({
      kind: "warning",
      host: host.name,
      text: "this was its first release: there is nothing to go back to",
    });
    return false;
  }
  const failure = host.failure;
  host.state = { kind: "unknown", tag: previous };
  host.phase = "activate";
  const isBack = await fleet.onOne(host, "revert", async (_, session) => {
    host.wentBack = await session.request("activate", { tag: previous, why: "rollback" }, fleet.onEvent(host));
    const { outcome } = host.wentBack;
    const isProved = outcome === "kept" || outcome === "unchanged";
    host.state = isProved ? { kind: "reverted", current: previous } : { kind: "stuck", serves: host.wentBack.serves };
    return isProved ? `${previous} serves again, proved` : { failed: outcomeWords(host.wentBack) };
  });
  host.failure ??= failure;
  return isBack;
}
