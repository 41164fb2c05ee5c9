/** The release is put on every host; nothing that serves is touched. */
import type { CodecName, Manifest, ReleaseInfo, StageResult, Survey } from "../../agent/protocol.ts";
import type { HostTarget } from "../core/plan.ts";
import { count, formatBytes } from "../core/report/units.ts";
import type { ScannedBuild } from "../io/build/build.ts";
import type { AgentSession } from "../io/session/agent-client.ts";
import type { Fleet, FleetHost } from "../io/session/fleet.ts";
import type { Run } from "../run.ts";

/** Less is sent before a codec is loaded. */
const PACK_FROM_BYTES = 256 * 1024;

export type Surveys = ReadonlyMap<FleetHost, Survey>;

export interface Staging {
  readonly targets: readonly HostTarget[];
  readonly surveys: Surveys;
  readonly build: ScannedBuild;
  readonly manifest: Manifest;
}

/** False: at least one host could not take it. */
export async function stageHosts(run: Run, fleet: Fleet<HostTarget>, staging: Staging): Promise<boolean> {
  const { targets, surveys, manifest } = staging;
  return fleet.onAll("stage", async (host, session) => {
    const survey = surveys.get(host);
    const there = survey?.releases.find((release) => release.tag === manifest.tag);
    if (isStaged(there, manifest)) return markStaged(host, survey, manifest.tag, "already there, nothing to send");
    const answer = await session.request("stage", { manifest, dryRun: false });
    if (answer.staged) return markStaged(host, survey, manifest.tag, "already there, nothing to send");
    host.phase = "stage";
    const isLocal = targets.some(({ name, kind }) => name === host.name && kind === "local");
    const detail = await upload(run, host, session, staging.build, answer, isLocal ? undefined : answer.codecs?.[0]);
    return markStaged(host, survey, manifest.tag, detail);
  });
}

async function upload(
  run: Run,
  host: FleetHost,
  session: AgentSession,
  build: ScannedBuild,
  { missing, missingBytes, copiedBytes }: StageResult,
  known: CodecName | undefined,
): Promise<string> {
  const codec = missingBytes < PACK_FROM_BYTES ? undefined : known;
  const { packFiles } = await import("../io/build/pack.ts");
  let takenBytes = 0;
  const plain = packFiles(build, missing, (bytes) => {
    takenBytes += bytes;
    run.output.report({ kind: "upload", host: host.name, sentBytes: takenBytes, totalBytes: missingBytes });
  });
  const packed = codec && (await import("../io/build/compress.ts")).compress(plain, codec);
  let sentBytes = 0;
  const { durableMs } = await session.upload(packed ?? plain, codec, (bytes) => {
    sentBytes += bytes;
  });
  return [
    count(missing.length, "file"),
    `${formatBytes(missingBytes)} sent${codec === undefined ? "" : ` as ${formatBytes(sentBytes)}`}`,
    ...(copiedBytes === 0 ? [] : [`${formatBytes(copiedBytes)} copied there`]),
    `durable after ${Math.round(durableMs)} ms`,
  ].join(", ");
}

function isStaged(there: ReleaseInfo | undefined, manifest: Manifest): boolean {
  return there?.isPresent === true && there.digest === manifest.digest && there.verdict !== "unknown";
}

function markStaged(host: FleetHost, survey: Survey | undefined, tag: string, detail: string): string {
  host.state = { kind: "staged", tag, current: survey?.current };
  return detail;
}
