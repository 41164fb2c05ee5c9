/** `stage`: what the host lacks of a release. What it has elsewhere is copied before the answer, so one answer is enough. */

import type { HostContext } from "../context.ts";
import { bytesOnDisk, freeSpace } from "../io/release/disk.ts";
import { readManifest } from "../io/release/manifests.ts";
import { withoutOptimizing } from "../io/release/quick-code.ts";
import { findSources } from "../io/release/release-store.ts";
import { stageRelease } from "../io/release/stage.ts";
import { ACCEPTED } from "../io/release/unpack.ts";
import type { AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { Manifest } from "../wire/release.ts";
import type { StageResult } from "../wire/stage.ts";
import { refuseWithoutRights } from "./parts/lints.ts";
import { contextOf, lockedContext, recordStaged } from "./parts/open.ts";
import { prunableAfter } from "./parts/prunable.ts";

export async function runStage(
  session: Session,
  request: RequestOf<"stage">,
  emit: (event: AgentEvent) => void,
): Promise<StageResult> {
  const { dryRun, announced } = request;
  const manifest = announced ? { ...request.manifest, entries: session.wire.takeAnnounced() } : request.manifest;
  const context = dryRun ? contextOf(session, emit) : lockedContext(session, emit);
  // What the activation would refuse is refused before a byte is sent.
  await refuseWithoutRights(context);
  const { shared, allowSetuid = false } = context.project;
  const { sources } = session;
  session.sources = undefined;
  const startedAt = performance.now();
  const { result, incoming } = await withoutOptimizing(() =>
    stageRelease(context.layout, manifest, shared, { dryRun, allowSetuid, sources }),
  );
  if (dryRun) return { ...result, foreseen: await foresee(context, manifest, result.staged) };
  if (result.staged) recordStaged(context, manifest, 0, {});
  const copyMs = Math.round(performance.now() - startedAt);
  if (incoming) session.staging = { incoming, missing: result.missing, copyMs };
  return { ...result, accepts: ACCEPTED };
}

/** Finds what the host has, ahead of `stage`, which meets by itself whatever fails here. */
export function lookAhead(session: Session): void {
  try {
    if (session.layout) session.sources = findSources(session.layout);
  } catch {}
}

/** What would be true once the release was kept. Files that are copied on the host take room like those that are sent. */
async function foresee(
  context: HostContext,
  manifest: Manifest,
  isStaged: boolean,
): Promise<NonNullable<StageResult["foreseen"]>> {
  const { layout } = context;
  const space = freeSpace(layout.deployTo);
  const sizeOf = ({ entries }: Manifest) => bytesOnDisk(entries, space?.blockBytes);
  const { tags, held } = await prunableAfter(context, manifest.tag);
  const going = tags.flatMap((tag) => readManifest(layout, tag) ?? []);
  return {
    ...(space === undefined ? {} : { freeBytes: space.freeBytes - (isStaged ? 0 : sizeOf(manifest)) }),
    pruned: [...tags],
    prunedBytes: going.reduce((sum, one) => sum + sizeOf(one), 0),
    held,
  };
}
