/** Which host kept a command waiting, and in which phase: what to look at where a fleet takes long. */
import type { HostPhase } from "../report/progress.ts";
import { formatMs } from "../report/units.ts";

export interface PhaseTime {
  readonly phase: HostPhase;
  readonly ms: number;
}

export interface Slowest {
  readonly host: string;
  /** Of all its phases; what it waited for its turn does not count. */
  readonly ms: number;
  /** The longest of them, with all its times together. */
  readonly phase: HostPhase;
  readonly phaseMs: number;
}

/** Undefined with fewer than two hosts, of which none is the slower one. */
export function slowestOf(
  hosts: readonly { readonly name: string; readonly times: readonly PhaseTime[] }[],
): Slowest | undefined {
  if (hosts.length < 2) return undefined;
  const sums = hosts.flatMap(({ name, times }) => {
    const longest = byPhase(times).toSorted((a, b) => b.ms - a.ms)[0];
    const ms = times.reduce((sum, time) => sum + time.ms, 0);
    return longest === undefined ? [] : [{ host: name, ms, phase: longest.phase, phaseMs: longest.ms }];
  });
  return sums.toSorted((a, b) => b.ms - a.ms)[0];
}

/** A host may go through one more than once: it is watched before each step that follows its own. */
function byPhase(times: readonly PhaseTime[]): PhaseTime[] {
  const sums = new Map<HostPhase, number>();
  for (const { phase, ms } of times) sums.set(phase, (sums.get(phase) ?? 0) + ms);
  return [...sums].map(([phase, ms]) => ({ phase, ms }));
}

/** `slowest: web3, 4.2 s, of which activate took 3.1 s`. */
export function describeSlowest({ host, ms, phase, phaseMs }: Slowest): string {
  return `slowest: ${host}, ${formatMs(ms)}, of which ${phase} took ${formatMs(phaseMs)}`;
}
