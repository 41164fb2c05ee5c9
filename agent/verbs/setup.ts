/** `setup`: agent/setup.ts under the host's lock, once there is a folder to lock. */
import { existsSync } from "node:fs";
import { takeLock } from "../io/lock.ts";
import type { AgentEvent, RequestOf, SetupResult } from "../protocol.ts";
import type { Session } from "../session.ts";
import { runSetup } from "../setup.ts";
import { openProject, requireOwnZdr } from "./parts/open.ts";

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
    session.lock = takeLock(context.layout, lock.by, lock.why, context.date);
  }
  return runSetup(context, { dryRun, prove: { bundle: prove }, keeper });
}
