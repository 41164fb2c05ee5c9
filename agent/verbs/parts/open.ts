/** What every verb that knows the project begins with. */
import type { HostContext } from "../../context.ts";
import { AgentError } from "../../core/failure.ts";
import { layoutOf } from "../../core/layout.ts";
import { appendLedger } from "../../io/ledger-file.ts";
import { listProcesses } from "../../io/process/processes.ts";
import type { AgentEvent } from "../../protocol.ts";
import type { Session } from "../../session.ts";
import type { Phases } from "../../wire/history.ts";
import type { ProjectPlan } from "../../wire/plan.ts";
import type { Manifest } from "../../wire/release.ts";
import { connectSupervisor } from "./connect.ts";

export function openProject(session: Session, project: ProjectPlan): HostContext {
  const layout = layoutOf(project.deployTo, ownNode());
  const context: HostContext = {
    layout,
    project,
    supervisor: connectSupervisor(project.supervisor).supervisor,
    by: session.by,
    now: () => performance.now(),
    date: () => new Date(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    processes: () => listProcesses(),
    emit: () => {},
  };
  session.project = project;
  session.layout = layout;
  session.context = context;
  return context;
}

/** As it was named where that is an absolute path: what a link leads to may go with the next update. */
function ownNode(): string {
  return process.argv0.startsWith("/") ? process.argv0 : process.execPath;
}

/** The session's project, with events going to the request that is being answered. */
export function contextOf(session: Session, emit: (event: AgentEvent) => void): HostContext {
  if (!session.context) throw new AgentError({ reason: "bad-request", detail: "survey comes first" });
  const startedAt = performance.now();
  return { ...session.context, by: session.by, emit, now: () => performance.now() - startedAt };
}

/** Like `contextOf`, for what may only be done by the holder of the host's lock. */
export function lockedContext(session: Session, emit: (event: AgentEvent) => void): HostContext {
  if (!session.lock) throw new AgentError({ reason: "bad-request", detail: "the lock comes first" });
  return contextOf(session, emit);
}

/** The ledger's word that a release is complete on this host. */
export function recordStaged(context: HostContext, manifest: Manifest, receivedBytes: number, phases: Phases): void {
  const { tag, digest, revision } = manifest;
  const ms = Object.values(phases).reduce((sum, phaseMs) => sum + phaseMs, 0);
  const entry = { at: context.date().toISOString(), tag, by: context.by, digest, receivedBytes, phases, ms };
  appendLedger(context.layout, { event: "staged", ...entry, ...(revision === undefined ? {} : { revision }) });
}
