/** How several hosts' answers to `status` become one text and one exit code. */
import type { StatusResult } from "../../agent/wire/program.ts";
import { formatInstant } from "./report/describe.ts";

/** supervisorctl's own rule for several programs, over several hosts: not running (3) wins over unknown (4). */
export function statusExit(exits: readonly number[]): number {
  if (exits.includes(3)) return 3;
  return exits.find((exit) => exit !== 0) ?? 0;
}

/** supervisorctl's text byte for byte; with releases, ` release TAG` behind the lines of programs that run one. */
export function statusText({ stdout, runs }: StatusResult, withReleases: boolean): string {
  if (!withReleases) return stdout;
  const releases = new Map(runs.map(({ process, release }) => [process, release]));
  return stdout.replace(/^(\S+)( .*)$/gm, (line, process: string) => {
    const release = releases.get(process);
    if (release === undefined || release === "") return line;
    // Of a program that is starting supervisorctl says no more than that.
    return line.endsWith(" ") ? `${line}release ${release}` : `${line}, release ${release}`;
  });
}

/** What no line of supervisorctl's tells: that a release is being made to serve, or that this was cut short. */
export function describeHalfway({ tag, from, at, isUnderWay }: NonNullable<StatusResult["halfway"]>): string {
  const since = formatInstant(at);
  if (isUnderWay) return `${tag} is being activated since ${since}`;
  const before = from === undefined ? "takes it away" : `puts ${from} back`;
  return `the activation of ${tag}, begun ${since}, was cut short; the next deploy, rollback or reload finishes it or ${before}`;
}
