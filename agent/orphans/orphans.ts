/**
 * What serves for a program without supervisord: it was killed, and what it had started lives on, with the port in its
 * hands.
 *
 * - Such processes are found by the environment that supervisord gave them (supervisor/process.py, _spawn_as_child), or
 *   that zdr's section did.
 * - They are older than the supervisord that runs now, or come from one that is.
 * - They are named, and never signalled: whoever could be hit by that is for a person to say.
 */

import { supervisorFacts } from "../activation/account.ts";
import { releaseWants } from "../activation/program-view.ts";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { hasTriedToStart, type Orphan, orphanFindings } from "../core/lint/orphans.ts";
import { memberGroup } from "../core/members/plan.ts";
import { groupNameOf, programNameOf } from "../core/section.ts";
import { type ListedProcess, listProcesses, readProcess } from "../io/process/processes.ts";
import { addressesOf, type Environment, findStarted, type Started } from "../io/process/servers.ts";
import { membersOrNone, summaryOf } from "../members/members.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { LintFinding } from "../wire/program.ts";
import { strangersOn } from "./strangers.ts";

/** The workers of an orphan that was just ended go a moment later. */
const LOOKS = 3;
const PAUSE_MS = 300;

/** Whoever listens for the program, whosever child it is. */
export async function serversOf(context: HostContext, program: ProgramPlan): Promise<Orphan[]> {
  const all = await findOwn(context, program, Number.POSITIVE_INFINITY, context.processes());
  return topsOf(all).filter(({ listens }) => listens.length > 0);
}

/** Those that the supervisord that runs now (`supervisorPid`) can not have started. */
export async function orphansOf(context: HostContext, program: ProgramPlan, supervisorPid: number): Promise<Orphan[]> {
  const supervisord = readProcess(supervisorPid);
  if (supervisord === undefined) return [];
  for (let look = 1; ; look++) {
    const found = await findOwn(
      context,
      program,
      supervisord.startTicks,
      look === 1 ? context.processes() : listProcesses(),
    );
    if (found.length === 0 || look === LOOKS) return topsOf(found);
    await context.sleep(PAUSE_MS);
  }
}

/** Fails with `program-refused`: nothing could be started, reloaded or proved beside an orphan that listens. */
export async function refuseOrphans(context: HostContext, program: ProgramPlan): Promise<void> {
  const { pid } = await supervisorFacts(context);
  const findings = orphanFindings(program.name, await orphansOf(context, program, pid)).filter(isRefusal);
  if (findings.length > 0) throw new AgentError({ reason: "program-refused", program: program.name, findings });
}

const isRefusal = ({ level }: LintFinding) => level === "refuse";

/** Whoever is in the way of a program: an orphan, or somebody who can not be looked into. */
export async function inTheWay(
  context: HostContext,
  program: ProgramPlan,
  supervisorPid: number,
): Promise<LintFinding[]> {
  const orphans = orphanFindings(program.name, await orphansOf(context, program, supervisorPid));
  if (orphans.length > 0) return orphans;
  const [first, ...rest] = await membersOrNone(context, program);
  const state = first && summaryOf([first, ...rest]).statename;
  return hasTriedToStart(state) ? await strangersOn(context, program, state, supervisorPid) : [];
}

/** A host may have a program of that name twice: what says whose it is, is not looked into to find that out. */
async function findOwn(
  context: HostContext,
  program: ProgramPlan,
  startTicks: number,
  processes: readonly ListedProcess[],
): Promise<readonly Started[]> {
  const { current } = context.layout;
  const isOf = (environment: Environment) =>
    isStartedAs(program, environment) && (environment.get("ZDR_CURRENT") ?? current) === current;
  const started = await findStarted(isOf, releaseWants(context, program), startTicks, processes);
  return started.filter(({ release, environment }) => release !== undefined || environment.has("ZDR_CURRENT"));
}

/** Workers go with their master, and a keeper is asked about by what it keeps. */
function topsOf(all: readonly Started[]): Orphan[] {
  return all
    .filter(({ ppid }) => !all.some(({ pid }) => pid === ppid))
    .map((top) => {
      const family = [top, ...below(top.pid, all)];
      const listens = [...new Set(family.flatMap(addressesOf))];
      return { pid: top.pid, listens, release: family.find(({ release }) => release !== undefined)?.release };
    });
}

function below(pid: number, all: readonly Started[]): readonly Started[] {
  return all.filter(({ ppid }) => ppid === pid).flatMap((child) => [child, ...below(child.pid, all)]);
}

function isStartedAs(program: ProgramPlan, environment: Environment): boolean {
  if (environment.get("SUPERVISOR_GROUP_NAME") !== groupNameOf(program)) return false;
  return memberGroup(program) !== undefined || environment.get("SUPERVISOR_PROCESS_NAME") === programNameOf(program);
}
