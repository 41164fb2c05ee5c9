/** A deploy of what serves already: all of it within `survey`, since on a far host every answer costs a round trip. */
import { reportUnchanged, type Seen } from "../../activation/activate.ts";
import type { HostContext } from "../../context.ts";
import { releaseRecords } from "../../core/ledger.ts";
import { readCurrent } from "../../io/current.ts";
import { readLedger } from "../../io/ledger-file.ts";
import type { RequestOf, Survey, Unchanged } from "../../protocol.ts";
import type { Session } from "../../session.ts";
import { settleHost } from "../settle.ts";
import { type RunningProgram, runningReleases } from "./running.ts";

type Release = NonNullable<RequestOf<"survey">["release"]>;

/** What was seen longer ago is looked at again, by the activation. */
const FRESH_MS = 1_000;

/**
 * Undefined, and nothing changed: the deploy goes its usual way, where whatever is wrong is refused and told.
 * `running` is what the survey has just seen. The digest of a build that is still being hashed is waited for only where all
 * else fits.
 */
export async function settleUnchanged(
  session: Session,
  context: HostContext,
  release: Release,
  survey: Survey,
  running: readonly RunningProgram[],
): Promise<Unchanged | undefined> {
  const seen = seenServing(running, release.tag);
  if (session.lock === undefined || seen === undefined) return undefined;
  const digest = provedDigest(release.tag, survey);
  if (digest === undefined || !(await isNamed(session, release, digest))) return undefined;
  const report = await reportUnchanged(context, release.tag, seen);
  return report && { report, settled: await settleHost(session, context) };
}

/** Whether an activation of this release would find nothing to do. Only looks. */
export async function servesAlready(context: HostContext, tag: string): Promise<boolean> {
  const { layout } = context;
  if (readCurrent(layout) !== tag) return false;
  if (releaseRecords(readLedger(layout).entries).get(tag)?.verdict !== "good") return false;
  const seen = seenServing(await runningReleases(context), tag);
  return seen !== undefined && (await reportUnchanged(context, tag, seen)) !== undefined;
}

/** Undefined: one of them is down, or runs something else. */
function seenServing(running: readonly RunningProgram[], tag: string): Seen[] | undefined {
  const seen = running.flatMap(({ program, info, serves, processes }): Seen[] =>
    info?.statename === "RUNNING" && serves === tag ? [{ program, info, processes }] : [],
  );
  return seen.length < running.length ? undefined : seen;
}

/** Of the release where it is current, was proved before, and nothing speaks against its programs. */
function provedDigest(tag: string, { current, releases, programs }: Survey): string | undefined {
  const there = releases.find((release) => release.tag === tag);
  const isRefused = programs.some(({ findings }) => findings.some(({ level }) => level === "refuse"));
  return current === tag && there?.verdict === "good" && !isRefused ? there.digest : undefined;
}

async function isNamed({ wire }: Session, { digest }: Release, expected: string): Promise<boolean> {
  if (digest !== undefined) return digest === expected;
  const seenAt = performance.now();
  const next = await wire.next();
  const isTold = next?.kind === "request" && next.request.verb === "digest" && next.request.digest === expected;
  return isTold && performance.now() - seenAt < FRESH_MS;
}
