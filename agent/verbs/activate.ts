/** `activate`: one release, staged before, is made to serve, or the one before it serves again. */
import { existsSync } from "node:fs";
import { activate } from "../activation/activate.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { readCurrent } from "../io/current.ts";
import { appendLedger } from "../io/ledger-file.ts";
import { verifyRelease } from "../io/release/release-store.ts";
import type { ActivationReport, AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import { leaveNothing } from "./first-deploy.ts";
import { refuseLints } from "./lints.ts";
import { lockedContext } from "./open.ts";

export async function runActivate(
  session: Session,
  request: RequestOf<"activate">,
  emit: (event: AgentEvent) => void,
): Promise<ActivationReport> {
  const context = lockedContext(session, emit);
  const { tag, why } = request;
  const isFirst = why === "deploy" && readCurrent(context.layout) === undefined;
  if (!existsSync(context.layout.release(tag))) throw new AgentError({ reason: "release-missing", tag });
  try {
    await refuseLints(context);
    if (why === "rollback") await refuseDamaged(context, tag);
    const report = await activate(context, { tag, why, gone: session.wire.gone });
    if (why === "rollback" && report.outcome === "kept") withdraw(context, report);
    if (isFirst && report.outcome === "reverted") await leaveNothing(context, tag);
    return report;
  } catch (error) {
    if (isFirst) await leaveNothing(context, tag);
    throw error;
  }
}

async function refuseDamaged({ layout }: HostContext, tag: string): Promise<void> {
  const path = await verifyRelease(layout, tag);
  if (path !== undefined) throw new AgentError({ reason: "release-damaged", tag, path });
}

/** An operator went back from it: the next rollback does not take it. */
function withdraw({ layout, by, date }: HostContext, { previous, tag }: ActivationReport): void {
  if (previous === undefined || previous === tag) return;
  appendLedger(layout, { event: "withdrawn", at: date().toISOString(), by, tag: previous, to: tag });
}
