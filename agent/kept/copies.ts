/**
 * endless and gracehttp give their successor a copy of the listening socket, and leave it open. Go puts that copy into the
 * old process's epoll set, so that it looks as if it accepted for as long as a request of its is in flight. The fds tell:
 * what it accepted by has been closed, and what is left was not there before it was asked.
 */
import { type ProcessKey, type ProcessView, processKey } from "../core/generation.ts";
import { PRESETS } from "../core/presets.ts";
import { acceptingFds } from "../io/process/evidence.ts";
import { listeningSockets } from "../io/process/listening.ts";
import { PROC } from "../io/process/processes.ts";
import type { ProgramPlan } from "../wire/plan.ts";

/** By which fds each process accepted before it was asked to hand over. */
export type FdsBefore = ReadonlyMap<ProcessKey, ReadonlySet<number>>;

/** Empty for programs that keep no copy, and where nobody may look: then whoever looks as if it accepted does. */
export async function fdsBefore(
  { reload: { preset } }: ProgramPlan,
  before: readonly ProcessView[],
): Promise<FdsBefore> {
  const found = new Map<ProcessKey, ReadonlySet<number>>();
  if (preset === undefined || PRESETS[preset].keepsCopy !== true) return found;
  const listening = listeningSockets(PROC);
  for (const process of before.filter(({ accepts }) => accepts)) {
    const fds = await acceptingFds(process.pid, listening);
    if (fds !== undefined && fds.size > 0) found.set(processKey(process), fds);
  }
  return found;
}

/** The same processes; one of before that has nothing left but copies does not accept. */
export async function withoutCopies(processes: readonly ProcessView[], before: FdsBefore): Promise<ProcessView[]> {
  const listening = listeningSockets(PROC);
  const looked = processes.map(async (process) => {
    const old = before.get(processKey(process));
    const now = old === undefined || !process.accepts ? undefined : await acceptingFds(process.pid, listening);
    const isCopyOnly = now !== undefined && ![...now].some((fd) => old?.has(fd));
    return isCopyOnly ? { ...process, accepts: false } : process;
  });
  return Promise.all(looked);
}
