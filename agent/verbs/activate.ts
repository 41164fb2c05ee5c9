/** `activate`: one release, staged before, is made to serve, or the one before it serves again. */
import { activate } from "../activation/activate.ts";
import { moment } from "../io/moment.ts";
import type { AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { ActivationReport } from "../wire/report.ts";
import { orLeaveNothing } from "./parts/first-deploy.ts";
import { lockedContext } from "./parts/open.ts";
import { withdraw } from "./parts/withdraw.ts";
import { requireActivatable } from "./preflight.ts";

export function runActivate(
  session: Session,
  request: RequestOf<"activate">,
  emit: (event: AgentEvent) => void,
): Promise<ActivationReport> {
  const context = lockedContext(session, emit);
  const { tag, why, activation: id } = request;
  const { checked, wire } = session;
  return orLeaveNothing(context, wire, request, async () => {
    await requireActivatable(session, context, tag);
    moment("activation: not refused");
    const preflightMs = checked?.tag === tag ? checked.ms : undefined;
    const report = await activate(context, { tag, why, id, gone: wire.gone, preflightMs });
    if (why === "rollback" && report.outcome === "kept") withdraw(context, report);
    return report;
  });
}
