/** Processes of a program that a supervisord has left which was killed: the one that runs now does not know them. */
import type { LintFinding } from "../../wire/program.ts";
import { refuse, warn } from "./subject.ts";

export interface Orphan {
  readonly pid: number;
  /** Undefined: of another release than those that are there. */
  readonly release: string | undefined;
  readonly accepts: boolean;
}

/** One that accepts keeps the port from what supervisor starts, or answers beside it for ever from what it was started from. */
export function orphanFindings(orphans: readonly Orphan[]): LintFinding[] {
  if (orphans.length === 0) return [];
  const level = orphans.some(({ accepts }) => accepts) ? refuse : warn;
  const pids = orphans.map(({ pid }) => pid);
  const names = orphans.map(({ pid, release, accepts }) => {
    const what = release === undefined ? "" : ` runs ${release}${accepts ? " and accepts connections" : ""}`;
    return `pid ${pid}${what}`;
  });
  const text = `a supervisord that was killed has left processes of it, which the one that runs now does not know: ${names.join(", ")}`;
  return [level("orphans", text, `look at them (ps -fp ${pids.join(",")}), then end them: kill ${pids.join(" ")}`)];
}
