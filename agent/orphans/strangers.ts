/** Who has the port of a program that is down. */
import type { HostContext } from "../context.ts";
import { addressesAwaited, type Listener, portFinding } from "../core/lint/orphans.ts";
import { errnoOf } from "../io/files.ts";
import { heldSockets } from "../io/process/connections.ts";
import { inspectProcesses } from "../io/process/inspect.ts";
import { tcpListeners } from "../io/process/listening.ts";
import { commandLine } from "../io/process/processes.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { LintFinding } from "../wire/program.ts";

/** Of its command line only what it is called by: the rest may hold secrets, and findings stand in logs. */
const NAME_CHARS = 80;
/** A process whose files lie where nothing answers (a dead NFS) is not waited for: who it is matters less. */
const LOOK_MS = 2_000;

/** Those on the ports of its health check and of its `listen`. What supervisord itself holds is the program's. */
export async function strangersOn(
  context: HostContext,
  program: ProgramPlan,
  state: string | undefined,
  supervisorPid: number,
): Promise<LintFinding[]> {
  const findings: LintFinding[] = [];
  const health = program.health?.socketPath === undefined ? program.health?.http : undefined;
  for (const address of addressesAwaited(health, program.listen)) {
    const inodes = tcpListeners().flatMap(({ port, inode }) => (port === address.port ? [inode] : []));
    const listener = inodes.length === 0 ? undefined : await listenerOf(context, inodes);
    if (listener === undefined || listener.pid === supervisorPid) continue;
    findings.push(portFinding(program.name, address, state, listener));
  }
  return findings;
}

async function listenerOf(context: HostContext, inodes: readonly bigint[]): Promise<Listener> {
  const pids = context.processes().flatMap(({ pid, isKernel, isZombie }) => (isKernel || isZombie ? [] : [pid]));
  const held = pids.map((pid) => ({ pid, sockets: ownSockets(pid) }));
  const own = held.find(({ sockets }) => sockets?.some((inode) => inodes.includes(inode)))?.pid;
  const denied = held.flatMap(({ pid, sockets }) => (sockets === undefined ? [pid] : []));
  const pid = own ?? (await Promise.race([context.sleep(LOOK_MS).then(() => undefined), holderAmong(denied, inodes)]));
  if (pid === undefined) return {};
  const [name = ""] = commandLine(pid);
  return name === "" ? { pid } : { pid, command: name.slice(0, NAME_CHARS) };
}

/** undefined: not for this user to know. */
function ownSockets(pid: number): readonly bigint[] | undefined {
  try {
    return heldSockets(pid);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

async function holderAmong(denied: readonly number[], inodes: readonly bigint[]): Promise<number | undefined> {
  const found = await inspectProcesses(denied, []);
  return found.find(({ holds }) => holds.some((inode) => inodes.includes(inode)))?.pid;
}
