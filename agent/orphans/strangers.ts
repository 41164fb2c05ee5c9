/** Who has the port of a program that is down. */
import type { HostContext } from "../context.ts";
import { addressesAwaited, type Listener, portFinding } from "../core/lint/orphans.ts";
import { inspectProcesses } from "../io/process/inspect.ts";
import { tcpListeners } from "../io/process/listening.ts";
import { commandLine } from "../io/process/processes.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { LintFinding } from "../wire/program.ts";

/** Of its command line: enough to know it by. */
const COMMAND_CHARS = 80;

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
  const found = await inspectProcesses(pids, []);
  const pid = found.find(({ holds }) => holds.some((inode) => inodes.includes(inode)))?.pid;
  if (pid === undefined) return {};
  const command = commandLine(pid).join(" ").slice(0, COMMAND_CHARS);
  return command === "" ? { pid } : { pid, command };
}
