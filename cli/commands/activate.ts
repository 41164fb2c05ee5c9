/** What deploy and rollback share: activate host by host, stop at the first failure, settle, and tell what became of all. */
import type { ActivationReport } from "../../agent/protocol.ts";
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

export async function activateHosts(run: Run, fleet: Fleet<HostTarget>, goal: ActivationGoal): Promise<ExitCode> {
  const undo = run.interrupt.onFirst(() =>
    run.output.report({
      kind: "note",
      text: "finishing the activation that is under way; a second signal leaves it to the host, which finishes it alone",
    }),
  );
  try {
    for (const host of fleet.hosts) {
      if (run.interrupt.signal !== undefined || !(await activateHost(run, fleet, host, goal))) break;
    }
  } finally {
    undo();
  }
  await settleHosts(run, fleet);
  const reports = fleet.hosts.flatMap((host) =>
    host.activation ? [{ host: host.name, report: host.activation }] : [],
  );
  const exit = concludeHosts(run, fleet.hosts);
  run.output.result(activationTable(reports), { goal, hosts: hostResults(fleet) }, exit);
  return exit;
}

/** False: this host did not take the release, so no further one is tried. */
async function activateHost(
  run: Run,
  fleet: Fleet<HostTarget>,
  host: FleetHost,
  goal: ActivationGoal,
): Promise<boolean> {
  const before = host.state;
  host.state = { kind: "unknown", tag: goal.tag };
  host.phase = "activate";
  const isTaken = await fleet.onOne(host, "activate", async (_, session) => {
    host.activation = await session.request("activate", goal, fleet.onEvent(host));
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
async function settleHosts(run: Run, fleet: Fleet<HostTarget>): Promise<void> {
  const hosts = fleet.hosts.filter((host) => host.state.kind === "serves");
  await Promise.all(
    hosts.map(async (host) => {
      host.phase = "settle";
      await fleet.onOne(host, "settle", async (_, session) => {
        const { pruned, warnings } = await session.request("settle", {});
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
