/**
 * `preflight`: what an activation would refuse, with nothing begun. It is asked of every host before a hook of the activation runs, or
 * anything that serves is changed, on any of them.
 */
import { existsSync } from "node:fs";
import { preflightRelease } from "../activation/preflight.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { readCurrent } from "../io/current.ts";
import { moment } from "../io/moment.ts";
import { verifyRelease } from "../io/release/release-store.ts";
import type { AgentEvent, RequestOf, ResultOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import { orLeaveNothing } from "./parts/first-deploy.ts";
import { refuseLints, refuseUnreloadable } from "./parts/lints.ts";
import { lockedContext } from "./parts/open.ts";
import { runningReleases } from "./parts/running.ts";
import { servesAlready } from "./parts/unchanged.ts";

export async function runPreflight(
  session: Session,
  request: RequestOf<"preflight">,
  emit: (event: AgentEvent) => void,
): Promise<ResultOf<"preflight">> {
  const context = lockedContext(session, emit);
  const { tag, why } = request;
  const { wire } = session;
  return orLeaveNothing(context, wire, request, async () => {
    await requireActivatable(session, context, tag);
    moment("preflight: not refused");
    // Nothing will be activated there, so a check that fails now says nothing of it.
    if (await servesAlready(context, tag)) return { isServed: true };
    const startedAt = context.now();
    await preflightRelease(context, tag, why, wire.gone);
    moment("preflight: release checked");
    session.checked = { tag, ms: Math.round(context.now() - startedAt) };
    return { isServed: false };
  });
}

/** What is looked at again as the activation begins, since hooks, and other hosts, may have taken a while. Throws what speaks against it. */
export async function requireActivatable(session: Session, context: HostContext, tag: string): Promise<void> {
  if (!existsSync(context.layout.release(tag))) throw new AgentError({ reason: "release-missing", tag });
  await refuseLostCurrent(context);
  await refuseLints(context);
  await refuseUnreloadable(context);
  // What has lain there since an earlier command may have been changed by hand.
  if (session.published !== tag && session.checked?.tag !== tag) await refuseDamaged(context, tag, session.wire.gone);
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

async function refuseDamaged({ layout }: HostContext, tag: string, gone: AbortSignal): Promise<void> {
  const path = await verifyRelease(layout, tag, gone);
  if (path !== undefined) throw new AgentError({ reason: "release-damaged", tag, path });
}
