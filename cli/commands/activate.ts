/** What deploy and rollback share: activate host by host, stop at the first failure, settle, and tell what became of all. */

import type { AgentEvent } from "../../agent/protocol.ts";
import type { ActivationReport } from "../../agent/wire/report.ts";
import type { ExitCode } from "../core/exit-code.ts";
import type { HostTarget } from "../core/plan.ts";
import { activationTable } from "../core/report/describe.ts";
import { stateOf } from "../core/report/state-line.ts";
import { explainAll } from "../explain.ts";
import type { Fleet, FleetHost } from "../io/session/fleet.ts";
import type { Run } from "../run.ts";
import { concludeHosts } from "./outcome.ts";

export interface ActivationGoal {
  readonly tag: string;
  readonly why: "deploy" | "rollback";
}

/** How far the activation of one host has got, for whoever interrupts it. */
interface UnderWay {
  readonly host: FleetHost;
  hasFlipped: boolean;
  /** Its session ends with the answer to what is under way. */
  isAborted: boolean;
}

export async function activateHosts(run: Run, fleet: Fleet<HostTarget>, goal: ActivationGoal): Promise<ExitCode> {
  const begun: UnderWay[] = [];
  const undo = run.interrupt.onFirst((signal) => interruptActivation(run, fleet, begun.at(-1), signal));
  try {
    for (const host of fleet.hosts) {
      if (run.interrupt.signal !== undefined) break;
      const underWay: UnderWay = { host, hasFlipped: false, isAborted: false };
      begun.push(underWay);
      if (!(await activateHost(run, fleet, underWay, goal))) break;
    }
  } finally {
    undo();
  }
  const hosts = begun.filter(({ host, isAborted }) => host.state.kind === "serves" && !isAborted);
  await settleHosts(
    run,
    fleet,
    hosts.map(({ host }) => host),
  );
  const reports = fleet.hosts.flatMap((host) =>
    host.activation ? [{ host: host.name, report: host.activation }] : [],
  );
  const exit = concludeHosts(run, fleet.hosts);
  run.output.result(activationTable(reports, run.columns), { goal, hosts: hostResults(fleet) }, exit);
  return exit;
}

/** Before the flip it can be undone; after it, stopping half-way would help nobody. */
function interruptActivation(
  run: Run,
  fleet: Fleet<HostTarget>,
  underWay: UnderWay | undefined,
  signal: "SIGINT" | "SIGTERM",
): void {
  if (underWay === undefined) return;
  if (!underWay.hasFlipped) {
    underWay.isAborted = true;
    fleet.abort(signal, [underWay.host]);
    return;
  }
  const text =
    "finishing the activation that is under way; a second signal leaves it to the host, which finishes it alone";
  run.output.report({ kind: "note", text });
}

/** False: this host did not take the release, so no further one is tried. */
async function activateHost(
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
  // The agent answers with a failure only where it changed nothing; a broken link leaves the host to itself.
  // Of a first deploy it takes the release away again.
  if (host.failure?.failure.kind === "agent") {
    const isFirst = before.kind === "staged" && before.current === undefined;
    host.state = isFirst ? { kind: "untouched" } : before;
  }
  return isTaken;
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

/** Prunes and unlocks the hosts that took the release. Trouble here is a warning: the release serves. */
async function settleHosts(run: Run, fleet: Fleet<HostTarget>, hosts: readonly FleetHost[]): Promise<void> {
  await Promise.all(
    hosts.map(async (host) => {
      host.phase = "settle";
      await fleet.onOne(host, "settle", async (_, session) => {
        const { pruned, warnings } = host.unchanged?.settled ?? (await session.request("settle", {}));
        for (const text of warnings) run.output.report({ kind: "warning", host: host.name, text });
        return pruned.length === 0 ? undefined : `removed ${pruned.join(", ")}`;
      });
      if (!host.failure) return;
      for (const text of explainAll([host.failure]).error) run.output.report({ kind: "warning", text });
      host.failure = undefined;
    }),
  );
}

function hostResults(fleet: Fleet<HostTarget>) {
  return fleet.hosts.map(({ name, state, activation, failure }) => ({
    host: name,
    state,
    activation,
    failure: failure?.failure,
  }));
}
