/** `setup`: agent/setup.ts under the host's lock, once there is a folder to lock. */
import { existsSync } from "node:fs";
import { requireOwnZdr } from "../io/trust.ts";
import type { AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import { runSetup } from "../setup.ts";
import type { SetupResult } from "../wire/setup.ts";
import { giveLockUp, holdLock } from "./parts/lock.ts";
import { openProject } from "./parts/open.ts";

export async function runSetupVerb(
  session: Session,
  request: RequestOf<"setup">,
  emit: (event: AgentEvent) => void,
): Promise<SetupResult> {
  const { project, lock, dryRun, prove, keeper } = request;
  session.by = lock.by;
  const context = { ...openProject(session, project), emit };
  if (!dryRun && existsSync(context.layout.zdr)) {
    requireOwnZdr(context.layout);
    await holdLock(session, context.layout, lock, emit);
  }
  try {
    return await runSetup(context, { dryRun, prove: { bundle: prove }, keeper });
  } finally {
    // The session may last until other hosts are ready, which may wait for somebody who waits for this one.
    giveLockUp(session);
  }
}
