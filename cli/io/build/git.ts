/** What git says of the config's folder, where that is a checkout. */
import { execFile } from "node:child_process";
import type { Revision } from "../../../agent/wire/release.ts";

const GIT_TIMEOUT_MS = 5_000;
/** A line for each changed file. */
const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;
/** git-status(1), porcelain format version 2: the commit in a header, then the changes. It only looks. */
const STATUS = ["--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no"];

/** undefined: no git, no checkout, or no commit yet. Never fails: a deploy does not need it. */
export function readRevision(folder: string): Promise<Revision | undefined> {
  return new Promise((resolve) => {
    const options = { cwd: folder, timeout: GIT_TIMEOUT_MS, maxBuffer: OUTPUT_LIMIT_BYTES };
    execFile("git", STATUS, options, (error, stdout) => resolve(error ? undefined : revisionOf(stdout)));
  });
}

/** The repository's tags, the youngest first; none where there is no git. Never fails. */
export function readTags(folder: string): Promise<string[]> {
  return new Promise((resolve) => {
    const options = { cwd: folder, timeout: GIT_TIMEOUT_MS, maxBuffer: OUTPUT_LIMIT_BYTES };
    execFile("git", ["tag", "--list", "--sort=-creatordate"], options, (error, stdout) =>
      resolve(error ? [] : stdout.split("\n").filter((tag) => tag !== "")),
    );
  });
}

function revisionOf(status: string): Revision | undefined {
  const commit = /^# branch\.oid ([0-9a-f]{40,64})$/m.exec(status)?.[1];
  return commit === undefined ? undefined : { commit, dirty: /^[^#]/m.test(status) };
}
