/**
 * endless's successor sends TERM to its parent as it takes over (endless.go, ListenAndServe: `syscall.Kill(syscall.Getppid(),
 * syscall.SIGTERM)`). A parent that has died by then has left it to pid 1: where that is supervisord, and may be signalled by
 * the program's user, it ends with all its programs.
 */
import type { ProgramPlan } from "../../wire/plan.ts";
import type { LintFinding } from "../../wire/program.ts";
import { refuse } from "./subject.ts";

export interface Uids {
  readonly supervisorPid: number;
  readonly supervisorUid: number;
  /** Undefined: the program's user is not known here. */
  readonly programUid: number | undefined;
}

/** kill(2): root may signal anybody, and everybody those of the same user. */
export function pidOneFindings(
  program: ProgramPlan,
  { supervisorPid, supervisorUid, programUid }: Uids,
): LintFinding[] {
  if (program.reload.preset !== "endless" || supervisorPid !== 1) return [];
  if (programUid !== 0 && programUid !== supervisorUid) return [];
  const text =
    "endless ends pid 1 if its parent dies as it hands over, and here pid 1 is a supervisord that it has the right to end";
  const fix = "run it as a user of its own (user: in deploy.yml), or supervisord under an init (docker run --init)";
  return [refuse("endless-pid-1", text, fix)];
}
