/** The verb `stage`: all that can be refused is refused before anything is written, and one answer says what to send. */
import { accessSync, constants } from "node:fs";
import { AgentError } from "../../core/failure.ts";
import type { Layout } from "../../core/layout.ts";
import type { Manifest } from "../../wire/release.ts";
import type { StageResult } from "../../wire/stage.ts";
import { onFile } from "../files.ts";
import { moment } from "../moment.ts";
import { filesInPart, takePart } from "./part.ts";
import {
  type Copy,
  checkManifest,
  copyFromReleases,
  createIncoming,
  findSources,
  type Incoming,
  orDrop,
  planStage,
  requireRoom,
  type Sources,
  type StagePlan,
} from "./release-store.ts";
import { checkShared, makeSharedFolders, type SharedPaths } from "./shared.ts";

export interface Staging {
  readonly result: StageResult;
  /** Absent when the release is there already, and in a dry run. */
  readonly incoming?: Incoming;
}

export interface StageOptions {
  readonly dryRun: boolean;
  readonly allowSetuid?: boolean;
  /** Absent: they are looked for. */
  readonly sources?: Sources | undefined;
}

/**
 * Finds out what the host lacks and, unless `dryRun`, copies what it has. What the answer calls missing goes to
 * receiveFiles(), in that order, and then publish() lets the release appear.
 */
export async function stageRelease(
  layout: Layout,
  manifest: Manifest,
  shared: SharedPaths,
  { dryRun, allowSetuid = false, sources }: StageOptions,
): Promise<Staging> {
  checkManifest(manifest, allowSetuid);
  checkShared(layout, manifest.entries, shared);
  const plan = await planStage(layout, manifest, () => sources ?? findSources(layout), { readSources: dryRun });
  if (dryRun) requireWritable(layout);
  if (!plan.staged) requireRoom(layout, manifest, filesInPart(layout, manifest, plan.missing));
  if (plan.staged || dryRun) return { result: resultOf(manifest, plan) };
  const incoming = await createIncoming(layout, manifest);
  await orDrop(incoming, () => makeSharedFolders(layout, shared));
  moment("shared: folders made");
  const resumed = await orDrop(incoming, () => takePart(incoming, plan.missing));
  const spoilt = await copyFromReleases(incoming, plan.copies);
  const left = { ...plan, missing: plan.missing.filter((index) => !resumed.has(index)) };
  return { result: resultOf(manifest, withSpoilt(left, spoilt), [...resumed]), incoming };
}

/** What a dry run does not come to: root too is told of a file system that is read-only. */
function requireWritable({ releases, zdr }: Layout): void {
  for (const path of [releases, zdr]) onFile("write to", path, () => accessSync(path, constants.W_OK));
}

function withSpoilt(plan: StagePlan, spoilt: readonly number[]): StagePlan {
  if (spoilt.length === 0) return plan;
  const isSpoilt = new Set(spoilt);
  return {
    staged: plan.staged,
    missing: [...plan.missing, ...spoilt].sort((a, b) => a - b),
    copies: plan.copies.filter((copy: Copy) => !isSpoilt.has(copy.index)),
  };
}

function resultOf(
  manifest: Manifest,
  { staged, missing, copies }: StagePlan,
  resumed: readonly number[] = [],
): StageResult {
  const bytesOf = (index: number): number => {
    const entry = manifest.entries[index];
    if (entry?.type !== "file") throw new AgentError({ reason: "internal", detail: `entry ${index} is no file` });
    return entry.size;
  };
  return {
    staged,
    missing: [...missing],
    missingBytes: missing.reduce((sum, index) => sum + bytesOf(index), 0),
    copiedBytes: copies.reduce((sum, { index }) => sum + bytesOf(index), 0),
    ...(resumed.length === 0 ? {} : { resumedBytes: resumed.reduce((sum, index) => sum + bytesOf(index), 0) }),
  };
}
