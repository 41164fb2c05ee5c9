/** Hosts that nobody gets to: decided on before anything is sent to the others. */
import type { HostTarget } from "../../core/plan.ts";
import { hintOnUnreachable } from "../../explain/fleet.ts";
import type { Failure } from "../../failure.ts";
import type { Fleet, FleetHost } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";
import { whyFailed } from "./outcome.ts";

/** Flags of verbs that may do without some hosts. */
export interface UnreachableOptions {
  readonly skipUnreachable?: boolean;
}

/**
 * With --skip-unreachable, hosts that could not be reached are passed over, each with a warning; one that shows a wrong
 * key, or lets nobody in, is not that. True: whoever is left is well.
 */
export function passOverUnreachable(
  run: Run,
  fleet: Fleet<HostTarget>,
  { skipUnreachable }: UnreachableOptions,
): boolean {
  if (fleet.failed.length === 0) return true;
  const gone = passable(fleet);
  if (skipUnreachable !== true || gone.length === 0) return false;
  for (const host of gone) {
    run.output.report({ kind: "warning", host: host.name, text: `passed over: ${whyFailed(host)}` });
  }
  fleet.passOver(gone);
  return true;
}

/** What to do where the flag was not given, and would have helped. */
export function hintsToPassOver(fleet: Fleet<HostTarget>, { skipUnreachable }: UnreachableOptions): string[] {
  const gone = skipUnreachable === true ? [] : passable(fleet);
  return gone.length === 0 ? [] : [hintOnUnreachable(gone.map(({ name }) => name))];
}

/** All that have failed, where nothing else is the matter with any of them and others are left. */
function passable({ failed, hosts }: Fleet<HostTarget>): readonly FleetHost[] {
  const isAll = failed.every(({ failure }) => failure !== undefined && isUnreachable(failure.failure));
  return isAll && failed.length < hosts.length ? failed : [];
}

/** Nothing but that it can not be reached. */
export function isUnreachable(failure: Failure): boolean {
  return failure.kind === "link" && UNREACHABLE.has(failure.link.kind);
}

const UNREACHABLE: ReadonlySet<string> = new Set(["unreachable", "connect-timeout", "handshake", "jump", "openssh"]);
