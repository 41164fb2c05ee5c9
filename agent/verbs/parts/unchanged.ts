/** A deploy of what serves already: all of it within `survey`, since on a far host every answer costs a round trip. */
import { reportUnchanged, type Seen } from "../../activation/activate.ts";
import type { HostContext } from "../../context.ts";
import type { RequestOf, Survey, Unchanged } from "../../protocol.ts";
import type { Session } from "../../session.ts";
import { settleHost } from "../settle.ts";
import type { RunningProgram } from "./running.ts";

type Release = NonNullable<RequestOf<"survey">["release"]>;

/**
 * Undefined, and nothing changed: the deploy goes its usual way, where whatever is wrong is refused and told.
 * `running` is what the survey has seen.
 */
export async function settleUnchanged(
  session: Session,
  context: HostContext,
  release: Release,
  survey: Survey,
  running: readonly RunningProgram[],
): Promise<Unchanged | undefined> {
  const seen = running.flatMap(({ program, info, serves, processes }): Seen[] =>
    info?.statename === "RUNNING" && serves === release.tag ? [{ program, info, processes }] : [],
  );
  if (session.lock === undefined || seen.length < running.length || !isProved(release, survey)) return undefined;
  const report = await reportUnchanged(context, release.tag, seen);
  return report && { report, settled: await settleHost(session, context) };
}

/** The release is current, is this very one, was proved before, and nothing speaks against its programs. */
function isProved({ tag, digest }: Release, { current, releases, programs }: Survey): boolean {
  const there = releases.find((release) => release.tag === tag);
  const isRefused = programs.some(({ findings }) => findings.some(({ level }) => level === "refuse"));
  return current === tag && there?.digest === digest && there.verdict === "good" && !isRefused;
}
