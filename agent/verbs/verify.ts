/** `verify`: releases as they are on the disk now, beside their manifests. Needs no lock: a release never changes. */
import { existsSync } from "node:fs";
import { AgentError } from "../core/failure.ts";
import { type Layout, layoutOf } from "../core/layout.ts";
import { type ReleaseRecord, releaseRecords } from "../core/ledger.ts";
import { readCurrent } from "../io/current.ts";
import { readLedger } from "../io/ledger-file.ts";
import { readManifest } from "../io/release/manifests.ts";
import { presentReleases } from "../io/release/releases.ts";
import { differencesOf } from "../io/release/verify.ts";
import { checkLayout } from "../io/trust.ts";
import type { AgentEvent, RequestOf } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { Manifest } from "../wire/release.ts";
import type { VerifiedRelease, VerifyResult } from "../wire/verify.ts";

/** Of one release; more are counted. */
const DIFFERENCES_LIMIT = 1_000;
/** Often enough for whoever waits, and not too often for a log: at least so long apart, and so much of the whole. */
const TELL_EVERY_MS = 300;
const TELL_EVERY_SHARE = 1 / 20;

interface Wanted {
  readonly tag: string;
  readonly manifest: Manifest | undefined;
}

export async function runVerify(
  session: Session,
  { deployTo, tags, all }: RequestOf<"verify">,
  emit: (event: AgentEvent) => void,
): Promise<VerifyResult> {
  const layout = layoutOf(deployTo);
  checkLayout(layout);
  const current = readCurrent(layout);
  const wanted = wantedTags(layout, tags, all, current).map((tag) => ({ tag, manifest: readManifest(layout, tag) }));
  const missing = all ? undefined : wanted.find(({ manifest }) => manifest === undefined);
  if (missing) throw new AgentError({ reason: "release-missing", tag: missing.tag });
  const onRead = teller(wanted, emit);
  const records = releaseRecords(readLedger(layout).entries);
  const releases: VerifiedRelease[] = [];
  for (const one of wanted) {
    if (session.wire.gone.aborted) throw new AgentError({ reason: "interrupted" });
    const verified = await verify(layout, one, records.get(one.tag), onRead);
    // Pruned by another command in the meantime: then there is nothing to say of it.
    if (existsSync(layout.release(one.tag))) releases.push({ ...verified, isCurrent: one.tag === current });
  }
  return { releases };
}

function wantedTags(layout: Layout, tags: readonly string[], all: boolean, current: string | undefined): string[] {
  const present = presentReleases(layout);
  if (all) return present.sort();
  const wanted = tags.length > 0 ? [...new Set(tags)] : [current];
  return wanted.map((tag) => {
    if (tag === undefined) throw new AgentError({ reason: "nothing-deployed" });
    if (!present.includes(tag)) throw new AgentError({ reason: "release-missing", tag });
    return tag;
  });
}

async function verify(
  layout: Layout,
  { tag, manifest }: Wanted,
  record: ReleaseRecord | undefined,
  onRead: (bytes: number) => void,
): Promise<VerifiedRelease> {
  const verdict = record?.verdict ?? "unknown";
  const nothing = { tag, verdict, isCurrent: false, files: 0, bytes: 0, differences: [], more: 0 };
  if (manifest === undefined) return { ...nothing, hasManifest: false };
  const differences = await differencesOf(layout, manifest, onRead);
  const listed = differences.slice(0, DIFFERENCES_LIMIT);
  const files = manifest.entries.filter(({ type }) => type === "file").length;
  const bytes = bytesIn(manifest);
  return { ...nothing, hasManifest: true, files, bytes, differences: listed, more: differences.length - listed.length };
}

function teller(wanted: readonly Wanted[], emit: (event: AgentEvent) => void): (bytes: number) => void {
  const totalBytes = wanted.reduce((sum, { manifest }) => sum + (manifest === undefined ? 0 : bytesIn(manifest)), 0);
  let doneBytes = 0;
  emit({ event: "reading", doneBytes, totalBytes });
  let [toldAt, toldBytes] = [performance.now(), 0];
  return (bytes) => {
    doneBytes += bytes;
    const isWhole = doneBytes === totalBytes && bytes > 0;
    const isNew = doneBytes - toldBytes >= totalBytes * TELL_EVERY_SHARE && performance.now() - toldAt >= TELL_EVERY_MS;
    if (!isWhole && !isNew) return;
    [toldAt, toldBytes] = [performance.now(), doneBytes];
    emit({ event: "reading", doneBytes, totalBytes });
  };
}

function bytesIn({ entries }: Manifest): number {
  return entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0);
}
