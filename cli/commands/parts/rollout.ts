/**
 * What deploy and rollback share: the hosts take the release in batches, as `rollout:` of deploy.yml says, and what became
 * of all of them is told.
 *
 * - Every host holds the release before the first one is told to serve it.
 * - A host that fails has reverted by itself. Past `max_failures` no further batch is begun.
 * - Between batches the hosts that took it are watched; one that does not keep well goes back, and counts as failed.
 */

import type { ExitCode } from "../../core/exit-code.ts";
import { batchesOf, type RolloutPlan } from "../../core/fleet/rollout.ts";
import { describeSlowest, slowestOf } from "../../core/fleet/slowest.ts";
import { type HostTarget, rolloutPlan } from "../../core/plan.ts";
import { activations, activationTable, describeHeld } from "../../core/report/describe.ts";
import { count, formatMs } from "../../core/report/units.ts";
import { describePassedOver, hintsOnDifference } from "../../explain/fleet.ts";
import { explainAll } from "../../explain.ts";
import { ZdrError } from "../../failure.ts";
import type { AgentSession } from "../../io/session/agent-session.ts";
import type { Fleet, FleetHost } from "../../io/session/fleet.ts";
import type { Run, Signal } from "../../run.ts";
import {
  type ActivationGoal,
  activateHost,
  goBack,
  hintsOnRefusal,
  preflightHosts,
  type UnderWay,
} from "./activate.ts";
import type { Hooks } from "./hooks.ts";
import { concludeHosts, endOfHosts } from "./outcome.ts";
import { overNewLinks, type Relink } from "./reconnect.ts";

/**
 * From where all hosts hold the release: has each find out whether it could run it, then the hosts take it. `undo` ends what an
 * interrupt did until here; from there on it finishes what has begun.
 */
export async function checkAndRollOut(
  relink: Relink,
  goal: ActivationGoal,
  hooks: Hooks,
  undo: () => void,
): Promise<ExitCode> {
  const { run, fleet, opened } = relink;
  await hooks.tell("started");
  const isFit = await preflightHosts(relink, goal);
  if (!isFit || !(await hooks.before("before_activate"))) {
    const exit = concludeHosts(run, fleet.hosts, true, isFit ? [] : hintsOnRefusal(fleet));
    await hooks.tell("reverted", exit);
    return exit;
  }
  undo();
  return rollOut(relink, goal, rolloutPlan(opened.config), hooks);
}

export async function rollOut(
  relink: Relink,
  goal: ActivationGoal,
  plan: RolloutPlan,
  hooks: Hooks,
): Promise<ExitCode> {
  const { run, fleet } = relink;
  const begun: UnderWay[] = [];
  const undo = run.interrupt.onFirst((signal) => interruptActivations(relink, goal.tag, begun, signal));
  try {
    const isKept = await takeInBatches(relink, goal, plan, begun);
    if (!isKept && plan.onFailure === "revert-all" && run.interrupt.signal === undefined) {
      await revertAll(relink, goal, begun);
    }
  } finally {
    undo();
  }
  const hasReverted = fleet.hosts.some(
    ({ activation, wentBack }) => wentBack !== undefined || activation?.outcome === "reverted",
  );
  if (hasReverted) await hooks.after("after_revert");
  else if (tookIt(fleet).length === fleet.hosts.length && !fleet.hosts.some(({ backFailure }) => backFailure)) {
    await hooks.after("after_keep");
  }
  const hosts = begun.filter(({ host, isAborted }) => isSettled(host) && !isAborted);
  await settleHosts(
    relink,
    hosts.map(({ host }) => host),
  );
  // Of a host that took it and went back, both are told, in their order.
  const reports = fleet.hosts.flatMap(({ name: host, activation, wentBack }) =>
    [activation, wentBack].flatMap((report) => (report === undefined ? [] : [{ host, report }])),
  );
  const slowest = slowestOf(fleet.hosts);
  if (slowest !== undefined) run.output.report({ kind: "note", text: describeSlowest(slowest) });
  const { planned, opened } = relink;
  const fleetGoal = { ...goal, isPlanned: planned !== undefined, given: opened.given };
  const passedOver = fleet.passedOver.map(({ name }) => name);
  if (passedOver.length > 0 && tookIt(fleet).length > 0)
    run.output.report({ kind: "note", text: describePassedOver(fleetGoal, passedOver) });
  const exit = concludeHosts(run, fleet.hosts, true, hintsOnDifference(fleetGoal, fleet.hosts));
  const result = { goal, hosts: hostResults(fleet), passedOver, slowest };
  await hooks.tell(endOfHosts(fleet.hosts, exit), exit);
  run.output.result(activationTable(reports, run.columns), result, exit, activations(reports, goal.tag));
  return exit;
}

/** False: the release is given up. */
async function takeInBatches(
  relink: Relink,
  goal: ActivationGoal,
  { batch, pauseMs, maxFailures }: RolloutPlan,
  begun: UnderWay[],
): Promise<boolean> {
  const { run, fleet } = relink;
  const batches = batchesOf(fleet.hosts, batch);
  for (const [at, hosts] of batches.entries()) {
    if (run.interrupt.signal !== undefined) return true;
    if (at > 0 && pauseMs > 0) await soak(relink, begun, pauseMs);
    if (run.interrupt.signal !== undefined) return true;
    if (failedCount(fleet) > maxFailures) return giveUp(run, batches.slice(at).flat());
    if (batches.length > 1 && fleet.hosts.length > 2) {
      const text = `step ${at + 1} of ${batches.length}: ${hosts.map(({ name }) => name).join(", ")}`;
      run.output.report({ kind: "note", text });
    }
    await Promise.all(
      hosts.map(async (host) => {
        const underWay: UnderWay = { host, hasFlipped: false, isOver: false, isWatched: false, isAborted: false };
        begun.push(underWay);
        await activateHost(relink, underWay, goal);
      }),
    );
  }
  return failedCount(fleet) <= maxFailures;
}

function giveUp(run: Run, left: readonly FleetHost[]): false {
  const text = `no further host is tried: ${count(left.length, "host")} left (${left.map(({ name }) => name).join(", ")})`;
  run.output.report({ kind: "warning", text });
  return false;
}

const tookIt = (fleet: Fleet<HostTarget>) => fleet.hosts.filter(({ state }) => state.kind === "serves");

/** Those that were told to take it and did not. */
function failedCount(fleet: Fleet<HostTarget>): number {
  return fleet.hosts.filter(
    ({ failure, activation, wentBack }) =>
      failure !== undefined ||
      wentBack !== undefined ||
      activation?.outcome === "reverted" ||
      activation?.outcome === "stuck",
  ).length;
}

/** Watches the hosts that serve the release; one that does not keep well goes back at once. */
async function soak(relink: Relink, begun: readonly UnderWay[], ms: number): Promise<void> {
  const { run, fleet } = relink;
  const hosts = begun.filter(({ host }) => host.state.kind === "serves");
  // What is somebody else's by now is not watched; that it took the release is known. Nor is what had it before: its lock is given up.
  const watched = hosts.filter(({ host: { isLockGone, unchanged } }) => !isLockGone && unchanged === undefined);
  await Promise.all(
    watched.map(async (one) => {
      const { host } = one;
      host.phase = "activate";
      one.isWatched = true;
      const isWell = await fleet.onOne(host, "soak", async () => {
        try {
          await watchFor(relink, host, ms);
          return `well for ${formatMs(ms)}`;
        } catch (error) {
          if (!one.isAborted || !isEndOfSession(error)) throw error;
          return "cut short";
        }
      });
      one.isWatched = false;
      if (!isWell && run.interrupt.signal === undefined) await takeBack(relink, one);
    }),
  );
}

/** Over a new link for as long as it was not watched over those before: what came while nobody heard of it is not known to be well. */
async function watchFor(relink: Relink, host: FleetHost, ms: number): Promise<void> {
  const { fleet } = relink;
  let leftMs = ms;
  await overNewLinks(relink, host, async (session) => {
    const startedAt = performance.now();
    try {
      await session.request("soak", { ms: leftMs }, fleet.onEvent(host));
    } catch (error) {
      const heardMs = performance.now() - startedAt - silentMsOf(error);
      leftMs = Math.ceil(Math.max(leftMs - Math.max(heardMs, 0), 0));
      throw error;
    }
  });
}

function silentMsOf(error: unknown): number {
  const failure = error instanceof ZdrError ? error.failure : undefined;
  return failure?.kind === "link" && failure.link.kind === "link-silent" ? failure.link.silentMs : 0;
}

/** What an agent that was told to end says to what it was asked, or does not say any more. */
function isEndOfSession(error: unknown): boolean {
  if (!(error instanceof ZdrError)) return false;
  const { failure } = error;
  if (failure.kind === "agent") return failure.failure.reason === "interrupted";
  return failure.kind === "link" || failure.kind === "interrupted";
}

/** Whoever interrupts it is told that it is finished. */
async function takeBack(relink: Relink, one: UnderWay): Promise<void> {
  Object.assign(one, { hasFlipped: true, isOver: false });
  await goBack(relink, one.host);
  one.isOver = true;
}

async function revertAll(relink: Relink, goal: ActivationGoal, begun: readonly UnderWay[]): Promise<void> {
  const isKept = ({ host }: UnderWay) => host.state.kind === "serves" && host.activation?.outcome === "kept";
  const hosts = begun.filter(isKept);
  if (hosts.length === 0) return;
  const text = `${goal.tag} is given up: ${hosts.map(({ host }) => host.name).join(", ")} go back to what they had`;
  relink.run.output.report({ kind: "note", text });
  await Promise.all(hosts.map((one) => takeBack(relink, one)));
}

/** Before the flip it can be undone; after it, stopping half-way would help nobody. What is only watched is let go. */
function interruptActivations({ run, fleet }: Relink, tag: string, begun: readonly UnderWay[], signal: Signal): void {
  const underWay = begun.filter(({ isOver }) => !isOver);
  const early = underWay.filter(({ hasFlipped }) => !hasFlipped);
  const watched = begun.filter(({ isWatched }) => isWatched);
  const aborted = [...early, ...watched];
  for (const one of aborted) one.isAborted = true;
  if (aborted.length > 0) {
    fleet.abort(
      signal,
      aborted.map(({ host }) => host),
    );
  }
  if (watched.length > 0) {
    const [are, keep] = watched.length > 1 ? ["are", "keep"] : ["is", "keeps"];
    const names = watched.map(({ host }) => host.name).join(", ");
    const text = `${names} ${are} watched no longer, and ${keep} ${tag}; no further host takes it`;
    run.output.report({ kind: "note", text });
  }
  if (early.length === underWay.length) return;
  const text =
    "finishing the activation that is under way; a second signal leaves it to the host, which finishes it alone";
  run.output.report({ kind: "note", text });
}

/** A host that took the release, or went back, has things to clear away, where that is still this command's to do. */
function isSettled({ state, wentBack, isLockGone, failure, backFailure }: FleetHost): boolean {
  if (isLockGone && (failure ?? backFailure) !== undefined) return false;
  return state.kind === "serves" || (wentBack !== undefined && state.kind === "reverted");
}

/** Prunes and unlocks the hosts that took the release. Trouble here is a warning: the release serves. */
async function settleHosts(relink: Relink, hosts: readonly FleetHost[]): Promise<void> {
  const { run, fleet } = relink;
  await Promise.all(
    hosts.map(async (host) => {
      // What went wrong before, as while it was watched, stays its failure.
      const earlier = host.failure;
      host.phase = "settle";
      await fleet.onOne(host, "settle", async () => {
        const settle = (session: AgentSession) => session.request("settle", {});
        const settled = host.unchanged?.settled ?? (await overNewLinks(relink, host, settle));
        const { pruned, held = [], warnings } = settled;
        for (const one of held) run.output.report({ kind: "note", host: host.name, text: describeHeld(one) });
        for (const text of warnings) run.output.report({ kind: "warning", host: host.name, text });
        return pruned.length === 0 ? undefined : `removed ${pruned.join(", ")}`;
      });
      if (host.failure === undefined || host.failure === earlier) return;
      for (const text of explainAll([host.failure]).error) run.output.report({ kind: "warning", text });
      host.failure = earlier;
    }),
  );
}

function hostResults(fleet: Fleet<HostTarget>) {
  return fleet.hosts.map(({ name, state, activation, wentBack, failure, backFailure }) => ({
    host: name,
    state,
    activation,
    wentBack,
    failure: failure?.failure,
    backFailure: backFailure?.failure,
  }));
}
