/** Who has a build that another zdr wants. */
import { formatInstant } from "./report/describe.ts";

export interface BuildHolder {
  /** 0: it has not said who it is. */
  readonly pid: number;
  /** `deploy v1.2`. */
  readonly why: string;
  /** ISO 8601. */
  readonly since: string;
}

/** `deploy v1.2 (pid 4711, since 2026-11-20 12:00:00Z)` */
export function describeBuildHolder({ pid, why, since }: BuildHolder): string {
  return pid === 0
    ? "one that does not say who it is (stopped, maybe)"
    : `${why} (pid ${pid}, since ${formatInstant(since)})`;
}
