/**
 * overseer's master waits for SIGUSR1 of its slave or for its end, and where it sees the end first it starts two successors
 * (proc_master.go, fork). It tells only one of them when the next release comes; the other goes on answering, for ever.
 */

import type { ProgramPlan } from "../../wire/plan.ts";
import type { LintFinding } from "../../wire/program.ts";
import type { ProcessView } from "../generation.ts";
import { refuse } from "./subject.ts";

/** What keeps a running program from being reloaded; a restart mends it. Asked while no reload is under way. */
export function successorFindings(program: ProgramPlan, processes: readonly ProcessView[]): LintFinding[] {
  if (program.reload.preset !== "overseer" && program.reload.preset !== "overseer-watch") return [];
  const pids = processes.filter((process) => process.accepts).map(({ pid }) => pid);
  if (pids.length < 2) return [];
  const text = `an earlier reload left two processes that answer (pids ${pids.join(", ")}), and overseer would reload one of them only`;
  return [
    refuse("two-successors", text, `zdr restart ${program.name}; or, if it is down anyway, zdr stop ${program.name}`),
  ];
}
