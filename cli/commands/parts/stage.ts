/** The first half of a deploy: every host holds the release, verified, and none of them serves it. */
import type { Survey } from "../../../agent/protocol.ts";
import type { Manifest, ReleaseInfo } from "../../../agent/wire/release.ts";
import { count, formatBytes } from "../../core/report/units.ts";
import { ZdrError } from "../../failure.ts";
import type { Uploads } from "../../io/build/upload.ts";
import type { AgentSession } from "../../io/session/agent-session.ts";
import type { FleetHost } from "../../io/session/fleet.ts";
import type { Slots } from "../../io/session/slots.ts";
import { overNewLinks, type Relink, requirePlanned } from "./reconnect.ts";

export interface StageGoal {
  readonly surveys: ReadonlyMap<FleetHost, Survey>;
  /** Asked for when the first host has to be sent something. */
  readonly uploads: () => Promise<Uploads>;
  readonly manifest: Manifest;
  /** Its entries have been told to agents that follow. */
  readonly isAnnounced: boolean;
  /** How many hosts are sent to at a time. */
  readonly limit: Slots;
}

/**
 * Puts the release on every host; nothing that serves is touched. A host whose link dies goes on over a new one, with the files that
 * it has. False: one of them failed.
 */
export function stageHosts(relink: Relink, goal: StageGoal): Promise<boolean> {
  const { surveys, manifest, limit } = goal;
  const stage = async (host: FleetHost) => {
    const survey = surveys.get(host);
    const detail = isStaged(survey, manifest)
      ? NOTHING_TO_SEND
      : await overNewLinks(relink, host, (session, again) => {
          if (again !== undefined) requirePlanned(relink, host, again, manifest.tag);
          return send(relink, host, session, goal);
        });
    host.state = { kind: "staged", tag: manifest.tag, current: survey?.current };
    return detail;
  };
  return relink.fleet.onAll("stage", stage, limit);
}

/** Compression that gains less is nothing to tell of. */
const TOLD_BELOW = 0.95;
const NOTHING_TO_SEND = "already there, nothing to send";

/** What was done, in words. */
async function send(
  { run }: Relink,
  host: FleetHost,
  session: AgentSession,
  { uploads, manifest, isAnnounced }: StageGoal,
): Promise<string> {
  const isTold = isAnnounced && session.isFollowing;
  const question = isTold ? { manifest: { ...manifest, entries: [] }, announced: true as const } : { manifest };
  // What packs is loaded while the host looks at what it has.
  const [stage, packer] = await Promise.all([session.request("stage", { ...question, dryRun: false }), uploads()]);
  const { staged, missing, missingBytes, copiedBytes, resumedBytes = 0, accepts = [] } = stage;
  if (staged) return NOTHING_TO_SEND;
  if (!areFilesOf(manifest, missing)) throw notAsked(host);
  host.phase = "stage";
  let sentBytes = 0;
  let asSentBytes = 0;
  const tell = (bytes: number, asSent: number) => {
    sentBytes += bytes;
    asSentBytes += asSent;
    run.output.report({ kind: "upload", host: host.name, sentBytes, totalBytes: missingBytes });
  };
  const { isHere } = session;
  const frames = packer.framesFor({ missing, accepts, isHere });
  const { durableMs } = await session.upload(frames, tell);
  const parts = [
    count(missing.length, "file"),
    `${formatBytes(missingBytes)} sent`,
    ...(asSentBytes < sentBytes * TOLD_BELOW ? [`compressed to ${formatBytes(asSentBytes)}`] : []),
    ...(resumedBytes === 0 ? [] : [`${formatBytes(resumedBytes)} had arrived before`]),
    ...(copiedBytes === 0 ? [] : [`${formatBytes(copiedBytes)} copied there`]),
    `durable after ${Math.round(durableMs)} ms`,
  ];
  return parts.join(", ");
}

/** Files of the build, each once: what a host asks for beyond that is not sent. */
function areFilesOf({ entries }: Manifest, indices: readonly number[]): boolean {
  return indices.every((index, at) => entries[index]?.type === "file" && index > (indices[at - 1] ?? -1));
}

function notAsked({ name }: FleetHost): ZdrError {
  const detail = "stage: it asks for files that the build does not have";
  return new ZdrError({ kind: "link", host: name, link: { kind: "agent-reply", detail } });
}

function isStaged(survey: Survey | undefined, manifest: Manifest): boolean {
  const there: ReleaseInfo | undefined = survey?.releases.find((release) => release.tag === manifest.tag);
  return there?.isPresent === true && there.digest === manifest.digest && there.verdict !== "unknown";
}
