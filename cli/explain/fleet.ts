/** What to do about a fleet of which some hosts are not where the others are. */
import type { ActivationReport } from "../../agent/wire/report.ts";
import { type HostState, LOOK_FIRST } from "../core/report/state-line.ts";
import type { GivenFlags } from "../failure.ts";
import { sameHosts } from "./flags.ts";

/** What a rollout was to bring about. */
export interface FleetGoal {
  readonly tag: string;
  readonly why: "deploy" | "rollback";
  /** It was held to a plan, which does not fit any more: what its hosts were has changed. */
  readonly isPlanned: boolean;
  readonly given: GivenFlags;
}

interface HostEnd {
  readonly name: string;
  readonly state: HostState;
  readonly activation: Pick<ActivationReport, "outcome" | "previous"> | undefined;
  /** It was to go back to what it had, and was not to be brought there. */
  readonly backFailure: object | undefined;
}

/** Some hosts serve the release of a rollout and some do not. Empty: that is not so, or one of them wants a look first. */
export function hintsOnDifference(goal: FleetGoal, hosts: readonly HostEnd[]): string[] {
  if (hosts.some(({ state }) => LOOK_FIRST.has(state.kind))) return [];
  const serving = hosts.filter(({ state }) => state.kind === "serves");
  if (serving.length === 0 || serving.length === hosts.length) return [];
  const staying = serving.filter(({ backFailure }) => backFailure !== undefined);
  if (staying.length > 0) return hintsOnStaying(staying, goal.given);
  const left = `the hosts that do not serve ${goal.tag}`;
  const back = commonBefore(hosts);
  return [
    `${goOn(goal, left)}${back === undefined ? "" : `; or take the others back: zdr rollback --to ${back}${sameHosts(goal.given)}`}`,
  ];
}

/** `passedOver`: what a rollout that others took has left out, told at its end, when the warning about each is long past. */
export function describePassedOver(goal: FleetGoal, passedOver: readonly string[]): string {
  return `passed over: ${passedOver.join(", ")}; once reachable: ${goOn(goal, passedOver.join(", "))}`;
}

function hintsOnStaying(hosts: readonly HostEnd[], { config, environment }: GivenFlags): string[] {
  const tags = [...new Set(hosts.flatMap(({ activation }) => activation?.previous ?? []))];
  return tags.map((tag) => {
    const host = hosts.flatMap(({ name, activation }) => (activation?.previous === tag ? [name] : []));
    const flags = sameHosts({ config, environment, host });
    return `when that is mended, take ${host.join(", ")} back: zdr rollback --to ${tag}${flags}`;
  });
}

/** A rollback that is asked for again without a tag would choose one further back: where it failed, its release is called bad by now. */
function goOn({ tag, why, isPlanned, given }: FleetGoal, left: string): string {
  if (why === "rollback") return `go on with ${left}: zdr rollback --to ${tag}${sameHosts(given)}`;
  return isPlanned
    ? `go on with ${left} by a new plan: zdr plan --tag ${tag}${sameHosts(given)}`
    : `the same command again goes on with ${left}`;
}

/** What all that took the release had before, and all others still have. */
function commonBefore(hosts: readonly HostEnd[]): string | undefined {
  const before = hosts.flatMap(({ state, activation }) => {
    if (state.kind !== "serves") return "current" in state ? state.current : undefined;
    // What it had before it had the release, an earlier command has known.
    return activation?.outcome === "unchanged" ? [] : activation?.previous;
  });
  const [first] = before;
  return before.every((tag) => tag === first) ? first : undefined;
}

/** `hosts` could not take the release, and others could. */
export function hintOnRefusal(hosts: readonly string[]): string {
  return `the others without ${hosts.join(", ")}: the same command with --except ${hosts.join(",")}`;
}

/** For a verb that knows --skip-unreachable: `hosts` could not be reached, and others could. */
export function hintOnUnreachable(hosts: readonly string[]): string {
  return `the others without ${hosts.join(", ")}: the same command with --skip-unreachable`;
}
