/** Hosts that nobody gets to: decided on before anything is sent to the others. */
import type { HostTarget } from "../../core/plan.ts";
import { explainAll } from "../../explain.ts";
import type { Failure } from "../../failure.ts";
import type { Fleet } from "../../io/session/fleet.ts";
import type { Run } from "../../run.ts";

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
  const { failed } = fleet;
  if (failed.length === 0) return true;
  const gone = failed.filter(({ failure }) => failure !== undefined && isUnreachable(failure.failure));
  if (skipUnreachable !== true || gone.length < failed.length || gone.length === fleet.hosts.length) return false;
  for (const { name, failure } of gone) {
    const why = failure === undefined ? [] : explainAll([failure]).error;
    run.output.report({ kind: "warning", host: name, text: `passed over: ${why.join("; ").replace(`${name}: `, "")}` });
  }
  fleet.passOver(gone);
  return true;
}

function isUnreachable(failure: Failure): boolean {
  return failure.kind === "link" && UNREACHABLE.has(failure.link.kind);
}

const UNREACHABLE: ReadonlySet<string> = new Set(["unreachable", "connect-timeout", "handshake", "jump", "openssh"]);
