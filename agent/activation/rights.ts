/**
 * What supervisord and this agent have the right to do with a program, found out before anything is done to it.
 *
 * - No signal is asked for that supervisord may not send: it would lose track of the program, and end with it.
 * - With `proof: required` nothing is changed where the proof could not be had.
 */
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { isKept } from "../core/presets.ts";
import { mayInspectOthers } from "../io/process/inspect.ts";
import { readProcess } from "../io/process/processes.ts";
import { mayHearKeeper } from "../kept/client.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { ProcessInfo } from "../wire/program.ts";
import { programAccount, supervisorFacts } from "./account.ts";
import { viewProgram } from "./program-view.ts";

/**
 * Fails with `signal-unsafe` where supervisord may not signal the process that it holds. kill(2) would say EPERM, the
 * program's state would become UNKNOWN, and supervisord itself would end when that process does (process.py, finish()).
 */
export async function refuseUnsafeSignal(context: HostContext, { name }: ProgramPlan, pid: number): Promise<void> {
  const uids = pid === 0 ? undefined : readProcess(pid)?.uids;
  if (uids === undefined) return;
  const { uid: supervisorUid } = await supervisorFacts(context);
  if (supervisorUid === 0 || uids.real === supervisorUid || uids.saved === supervisorUid) return;
  throw new AgentError({ reason: "signal-unsafe", program: name, pid, uid: uids.real, supervisorUid });
}

/** Fails with `proof-unavailable` where deploy.yml requires the proof and this user can not look into the program. */
export async function requireProof(context: HostContext, program: ProgramPlan, { pid }: ProcessInfo): Promise<void> {
  if (context.project.proof !== "required") return;
  const denied = (await viewProgram(context, program, pid)).find((process) => process.denied);
  if (denied !== undefined) throw proofUnavailable(program, denied.pid);
  if (pid !== 0) return;
  const account = await programAccount(context, program);
  if (account?.uid === process.getuid?.() || (await mayInspectOthers())) return;
  if (isKept(program) && mayHearKeeper(context.layout.keeperSocket(program.name))) return;
  throw new AgentError({ reason: "proof-unavailable", program: program.name, pid: 0, uid: account?.uid ?? 0 });
}

/** The same of one process, which has turned out to be closed to this user. */
export function proofUnavailable({ name }: ProgramPlan, pid: number): AgentError {
  return new AgentError({ reason: "proof-unavailable", program: name, pid, uid: readProcess(pid)?.uid ?? 0 });
}
