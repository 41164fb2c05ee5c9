/** `activate`: one release, staged before, is made to serve, or the one before it serves again. */
import { existsSync } from "node:fs";
import { activate } from "../activation/activate.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { readCurrent } from "../io/current.ts";
import { moment } from "../io/moment.ts";
import { verifyRelease } from "../io/release/release-store.ts";
import type { AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { ActivationReport } from "../wire/report.ts";
import { leaveNothing } from "./parts/first-deploy.ts";
import { refuseLints, refuseUnreloadable } from "./parts/lints.ts";
import { lockedContext } from "./parts/open.ts";
import { runningReleases } from "./parts/running.ts";
import { withdraw } from "./parts/withdraw.ts";

export async function runActivate(
  session: Session,
  request: RequestOf<"activate">,
  emit: (event: AgentEvent) => void,
): Promise<ActivationReport> {
  const context = lockedContext(session, emit);
  const { tag, why, activation: id } = request;
  const isFirst = why === "deploy" && readCurrent(context.layout) === undefined;
  if (!existsSync(context.layout.release(tag))) throw new AgentError({ reason: "release-missing", tag });
  try {
    await refuseLostCurrent(context);
    await refuseLints(context);
    await refuseUnreloadable(context);
    // What has lain there since an earlier command may have been changed by hand.
    if (session.published !== tag) await refuseDamaged(context, tag);
    moment("activation: not refused");
    const report = await activate(context, { tag, why, id, gone: session.wire.gone });
    if (why === "rollback" && report.outcome === "kept") withdraw(context, report);
    if (isFirst && report.outcome === "reverted") await leaveNothing(context, tag);
    return report;
  } catch (error) {
    if (isFirst) await leaveNothing(context, tag);
    throw error;
  }
}

/** Without `current` nothing can run that was started through it: then somebody took it away, and this is no first deploy. */
async function refuseLostCurrent(context: HostContext): Promise<void> {
  if (readCurrent(context.layout) !== undefined) return;
  for (const { program, info, serves } of await runningReleases(context)) {
    if (info?.statename !== "RUNNING") continue;
    const runs = serves === undefined ? {} : { runs: serves };
    throw new AgentError({ reason: "current-missing", path: context.layout.current, running: program.name, ...runs });
  }
}

async function refuseDamaged({ layout }: HostContext, tag: string): Promise<void> {
  const path = await verifyRelease(layout, tag);
  if (path !== undefined) throw new AgentError({ reason: "release-damaged", tag, path });
}
