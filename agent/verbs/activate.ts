/** `activate`: one release, staged before, is made to serve, or the one before it serves again. */
import { existsSync } from "node:fs";
import { activate } from "../activation/activate.ts";
import { AgentError } from "../core/failure.ts";
import { appendLedger } from "../io/ledger-file.ts";
import { removeRelease, verifyRelease } from "../io/release-store.ts";
import type { ActivationReport, AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import { refuseLints } from "./lints.ts";
import { lockedContext } from "./open.ts";

export async function runActivate(
  session: Session,
  request: RequestOf<"activate">,
  emit: (event: AgentEvent) => void,
): Promise<ActivationReport> {
  const context = lockedContext(session, emit);
  const { tag, why } = request;
  if (!existsSync(context.layout.release(tag))) throw new AgentError({ reason: "release-missing", tag });
  await refuseLints(context);
  if (why === "rollback") {
    const path = await verifyRelease(context.layout, tag);
    if (path !== undefined) throw new AgentError({ reason: "release-damaged", tag, path });
  }
  const report = await activate(context, { tag, why, gone: session.wire.gone });
  const record = { at: context.date().toISOString(), by: context.by };
  if (why === "rollback" && report.outcome === "kept" && report.previous !== undefined && report.previous !== tag) {
    appendLedger(context.layout, { event: "withdrawn", ...record, tag: report.previous, to: tag });
  }
  // A first deploy that failed leaves nothing behind.
  if (report.outcome === "reverted" && report.previous === undefined) {
    await removeRelease(context.layout, tag);
    appendLedger(context.layout, { event: "removed", ...record, tag });
  }
  return report;
}
