/** The socket of an `[fcgi-program:x]`: supervisord opens it with the first member, and closes it with the last. */

import { isDown } from "../core/decision.ts";
import { AgentError } from "../core/failure.ts";
import { tcpListeners } from "../io/process/listening.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { Member } from "./members.ts";

const ANY = new Set(["0.0.0.0", "0:0:0:0:0:0:0:0"]);

/**
 * Fails with `start-failed` where somebody else listens where supervisord is about to: it would answer that with no more
 * than an internal error, and where it happens as it starts a member again by itself, supervisord ends
 * (https://github.com/Supervisor/supervisor/issues/1567).
 */
export function refuseTakenSocket({ name, listen = [] }: ProgramPlan, members: readonly Member[]): void {
  if (!members.every(({ info }) => isDown(info.statename))) return;
  for (const address of listen) {
    if ("path" in address) continue;
    const isTaken = tcpListeners().some(
      (row) =>
        row.port === address.port && (row.address === address.host || ANY.has(row.address) || ANY.has(address.host)),
    );
    if (!isTaken) continue;
    const detail = `something else listens on ${address.host}:${address.port}, which supervisord is to open for it`;
    throw new AgentError({ reason: "start-failed", program: name, state: "STOPPED", detail });
  }
}
