/** `stage`: what the host lacks of a release. What it has elsewhere is copied before the answer, so one answer is enough. */

import { withoutOptimizing } from "../io/release/quick-code.ts";
import { stageRelease } from "../io/release/stage.ts";
import type { AgentEvent, RequestOf, StageResult } from "../protocol.ts";
import type { Session } from "../session.ts";
import { refuseWithoutRights } from "./parts/lints.ts";
import { contextOf, lockedContext, recordStaged } from "./parts/open.ts";

export async function runStage(
  session: Session,
  request: RequestOf<"stage">,
  emit: (event: AgentEvent) => void,
): Promise<StageResult> {
  const { manifest, dryRun } = request;
  const context = dryRun ? contextOf(session, emit) : lockedContext(session, emit);
  // What the activation would refuse is refused before a byte is sent.
  await refuseWithoutRights(context);
  const { shared, allowSetuid = false } = context.project;
  const startedAt = performance.now();
  const { result, incoming } = await withoutOptimizing(() =>
    stageRelease(context.layout, manifest, shared, { dryRun, allowSetuid }),
  );
  if (result.staged && !dryRun) recordStaged(context, manifest, 0, {});
  const copyMs = Math.round(performance.now() - startedAt);
  if (incoming) session.staging = { incoming, missing: result.missing, copyMs };
  return result;
}
