/**
 * Takes away what an agent that was killed left lying about, and tells the ledger what it had not come to tell. Only for
 * the holder of the lock. None of it is in anybody's way, so none of it fails a command.
 */
import { readdirSync } from "node:fs";
import { posix } from "node:path";
import type { HostContext } from "../../context.ts";
import type { Layout } from "../../core/layout.ts";
import { releaseRecords } from "../../core/ledger.ts";
import { ifThere, ownerOfTemporary, removeFile } from "../../io/files.ts";
import { appendLedger, readLedger } from "../../io/ledger-file.ts";
import { isHidden, readProcess } from "../../io/process/processes.ts";
import { readManifestHead, removeManifest } from "../../io/release/manifests.ts";
import { partName } from "../../io/release/part.ts";
import { clearIncoming } from "../../io/release/release-store.ts";
import { presentReleases } from "../../io/release/releases.ts";

/** `tag`: of the release that is about to be sent, of which some may have come already. */
export async function tidy(context: HostContext, tag?: string): Promise<void> {
  try {
    await clearIncoming(context.layout, tag === undefined ? undefined : partName(tag));
    removeTemporaries(context);
    const present = new Set(presentReleases(context.layout));
    removeLoneManifests(context.layout, present);
    completeLedger(context, present);
  } catch (error) {
    const text = `what a killed agent left could not all be removed: ${error instanceof Error ? error.message : error}`;
    context.emit({ event: "warning", text });
  }
}

/** Files that were written and never renamed to where they belong. Those of a living process are its own affair. */
function removeTemporaries({ layout, project }: HostContext): void {
  const folders = [layout.deployTo, layout.zdr, layout.manifests, layout.run];
  for (const { name } of project.programs) folders.push(layout.programRun(name));
  for (const folder of folders) {
    for (const name of ifThere("list", folder, () => readdirSync(folder)) ?? []) {
      const pid = ownerOfTemporary(name);
      if (pid !== undefined && !isThere(pid)) removeFile(posix.join(folder, name));
    }
  }
}

function isThere(pid: number): boolean {
  return readProcess(pid) !== undefined || isHidden(pid);
}

/** A manifest is there before its release, and goes after it. */
function removeLoneManifests(layout: Layout, present: ReadonlySet<string>): void {
  for (const name of ifThere("list", layout.manifests, () => readdirSync(layout.manifests)) ?? []) {
    const tag = /^(.+)\.json$/.exec(name)?.[1];
    if (tag !== undefined && !present.has(tag)) removeManifest(layout, tag);
  }
}

/** A release is there before the ledger says so, and is gone before the ledger says that. One without a manifest is nobody's of ours. */
function completeLedger({ layout, by, date }: HostContext, present: ReadonlySet<string>): void {
  const records = releaseRecords(readLedger(layout).entries);
  const at = date().toISOString();
  for (const tag of present) {
    const verdict = records.get(tag)?.verdict;
    const manifest = verdict === undefined || verdict === "removed" ? readManifestHead(layout, tag) : undefined;
    if (manifest === undefined) continue;
    const { digest, revision } = manifest;
    const entry = { event: "staged", at, tag, by, digest, receivedBytes: 0, ms: 0 } as const;
    appendLedger(layout, { ...entry, ...(revision === undefined ? {} : { revision }) });
  }
  for (const [tag, { verdict }] of records) {
    if (verdict !== "removed" && !present.has(tag)) appendLedger(layout, { event: "removed", at, tag, by });
  }
}
