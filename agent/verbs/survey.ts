/** `survey`: what is true of this host, in one answer. With `lock`, the host's lock is taken first. */
import { hostname } from "node:os";
import { type SupervisorFacts, supervisorFacts } from "../activation/account.ts";
import type { HostContext } from "../context.ts";
import { AgentError, isSupervisorAway } from "../core/failure.ts";
import { type ReleaseRecord, releaseRecords } from "../core/ledger.ts";
import { readCurrent } from "../io/current.ts";
import { userName } from "../io/files.ts";
import { readFreeze } from "../io/freeze.ts";
import { ledgerWarnings, readLedger } from "../io/ledger-file.ts";
import { lockHolder } from "../io/lock.ts";
import { moment } from "../io/moment.ts";
import { freeSpace } from "../io/release/disk.ts";
import { readManifestHead } from "../io/release/manifests.ts";
import { presentReleases } from "../io/release/releases.ts";
import { checkLayout } from "../io/trust.ts";
import { changesTakenIn } from "../kept/findings.ts";
import { keptDifferences } from "../kept/spec.ts";
import type { AgentEvent, RequestOf, Survey } from "../protocol.ts";
import type { Session } from "../session.ts";
import type { LintFinding, ProgramSurvey } from "../wire/program.ts";
import type { ReleaseInfo } from "../wire/release.ts";
import { isUnsettled } from "./parts/halfway.ts";
import { lintPrograms, reloadFindings } from "./parts/lints.ts";
import { holdLock } from "./parts/lock.ts";
import { openProject } from "./parts/open.ts";
import { type RunningProgram, runningReleases } from "./parts/running.ts";
import { tidy } from "./parts/tidy.ts";
import { settleUnchanged } from "./parts/unchanged.ts";
import { recover } from "./recover.ts";

export async function runSurvey(
  session: Session,
  request: RequestOf<"survey">,
  emit: (event: AgentEvent) => void,
): Promise<Survey> {
  if (request.lock) session.by = request.lock.by;
  const context = openProject(session, request.project);
  checkLayout(context.layout);
  if (request.lock) await holdLock(session, context.layout, request.lock, emit);
  const recovered = session.lock ? await recover({ ...context, emit }) : undefined;
  if (session.lock) await tidy({ ...context, emit }, request.resumes ?? request.release?.tag);
  moment("survey: left-overs removed");
  // Asked on both sides of the look: whoever begins or ends meanwhile shows on one of them.
  const isOthers = () => session.lock === undefined && isUnsettled(context.layout);
  const wasOthers = isOthers();
  const { survey, running } = await surveyHost(
    lookingOnce(context),
    session.agent,
    request.withoutSupervisor === true && session.lock === undefined,
  );
  moment("survey: host looked at");
  const unsettled = wasOthers || isOthers();
  const holder = session.lock === undefined ? lockHolder(context.layout) : undefined;
  const { release } = request;
  const unchanged = release && (await settleUnchanged(session, { ...context, emit }, release, survey, running));
  return {
    ...survey,
    ...(recovered === undefined ? {} : { recovered: recovered.said }),
    warnings: [...(recovered?.warnings ?? []), ...survey.warnings],
    ...(unchanged === undefined ? {} : { unchanged }),
    ...(unsettled ? { isUnsettled: true } : {}),
    ...(holder === undefined ? {} : { holder }),
  };
}

/** Each program of a survey needs to know of all processes, and on a large host these are many. */
function lookingOnce(context: HostContext): HostContext {
  let processes: ReturnType<HostContext["processes"]> | undefined;
  return {
    ...context,
    processes: () => {
      processes ??= context.processes();
      return processes;
    },
  };
}

interface Surveyed {
  readonly survey: Survey;
  readonly running: readonly RunningProgram[];
}

interface Supervised {
  readonly facts: SupervisorFacts;
  readonly findings: ReadonlyMap<string, LintFinding[]>;
  readonly version: string;
  readonly running: readonly RunningProgram[];
  readonly warnings: readonly string[];
}

async function askSupervisor(context: HostContext): Promise<Supervised> {
  const asked = supervisorFacts(context);
  const [facts, findings, version, running] = await Promise.all([
    asked,
    lintPrograms(context, asked),
    context.supervisor.getSupervisorVersion(),
    runningReleases(context),
  ]);
  return { facts, findings, version, running, warnings: [] };
}

/** Of a supervisord that does not answer, nothing but that. */
async function askIfThere(context: HostContext): Promise<Supervised> {
  try {
    return await askSupervisor(context);
  } catch (error) {
    if (!(error instanceof AgentError) || !isSupervisorAway(error.failure)) throw error;
    const { url } = context.supervisor.address;
    const warnings = [`supervisord does not answer at ${url}, so what the programs run is not known`];
    return { facts: { pid: 0, uid: 0 }, findings: new Map(), version: "", running: [], warnings };
  }
}

async function surveyHost(context: HostContext, agent: string, isLenient: boolean): Promise<Surveyed> {
  const { layout, supervisor } = context;
  const current = readCurrent(layout);
  const asked = await (isLenient ? askIfThere(context) : askSupervisor(context));
  const { facts, findings, version, running } = asked;
  const freeze = readFreeze(layout, context.date());
  const space = freeSpace(layout.deployTo);
  const programs: ProgramSurvey[] = [];
  for (const one of running) {
    const { program, processes } = one;
    const found = findings.get(program.name) ?? [];
    const differs = processes.length === 0 ? [] : await keptDifferences(context, program);
    const ofReload = await reloadFindings(context, program, processes, differs);
    programs.push(programSurvey(one, [...ofReload, ...found], changesTakenIn(program, differs)));
  }
  const survey = {
    ...{ hostname: hostname(), user: userName(), uid: process.getuid?.() ?? 0, node: process.versions.node, agent },
    supervisor: { url: supervisor.address.url, version, ...facts },
    freeBytes: space?.freeBytes ?? Number.MAX_SAFE_INTEGER,
    freeInodes: Math.min(space?.freeInodes ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    ...(current === undefined ? {} : { current }),
    ...(freeze === undefined ? {} : { freeze }),
    releases: releaseInfos(context, current, running),
    programs,
    warnings: [...asked.warnings, ...ledgerWarnings(layout, readLedger(layout))],
  };
  return { survey, running };
}

function programSurvey(
  running: RunningProgram,
  findings: ProgramSurvey["findings"],
  changed: readonly string[],
): ProgramSurvey {
  const { program, info, serves, releases } = running;
  const runs = serves ?? releases.join(", ");
  return {
    ...{ name: program.name, process: program.process, findings },
    ...(info === undefined ? {} : { info }),
    ...(runs === "" ? {} : { runs }),
    ...(changed.length === 0 ? {} : { changed: [...changed] }),
  };
}

/** Releases that the ledger or the disk knows, in the order in which they came. Removed ones are the ledger's affair. */
function releaseInfos(
  context: HostContext,
  current: string | undefined,
  running: readonly RunningProgram[],
): ReleaseInfo[] {
  const { layout } = context;
  const records = releaseRecords(readLedger(layout).entries);
  const present = new Set(presentReleases(layout));
  const tags = [...records.keys()].filter((tag) => present.has(tag));
  for (const tag of present) if (!records.has(tag)) tags.push(tag);
  return tags.map((tag) => {
    const digest = readManifestHead(layout, tag)?.digest;
    return {
      ...{ tag, isCurrent: tag === current, isPresent: true },
      ...recordFields(records.get(tag)),
      runs: running.flatMap(({ runs }) =>
        runs.flatMap((one) => (one.release.split(", ").includes(tag) ? one.process : [])),
      ),
      ...(digest === undefined ? {} : { digest }),
    };
  });
}

function recordFields(record: ReleaseRecord | undefined) {
  if (!record) return { verdict: "unknown" as const };
  const { verdict, at, by, revision, goodAt } = record;
  return {
    verdict,
    at,
    ...(goodAt < 0 ? {} : { provedRank: goodAt }),
    ...(by === undefined ? {} : { by }),
    ...(revision === undefined ? {} : { revision }),
  };
}

/** For the verbs that only make sense where supervisor knows the program. */
export function requireKnown(running: readonly RunningProgram[]): void {
  const unknown = running.find((one) => one.info === undefined);
  if (!unknown) return;
  throw new AgentError({ reason: "program-unknown", program: unknown.program.name, process: unknown.program.process });
}
