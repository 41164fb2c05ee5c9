/** The revision that a build was made from, where the config's folder is a git checkout. */
import { execFile } from "node:child_process";

const GIT_TIMEOUT_MS = 5_000;

/** undefined: no git, no checkout, or no commit yet. Never fails: a deploy does not need it. */
export async function readRevision(folder: string): Promise<{ commit: string; dirty: boolean } | undefined> {
  const [commit, changes] = await Promise.all([
    git(folder, ["rev-parse", "HEAD"]),
    git(folder, ["status", "--porcelain", "--untracked-files=no"]),
  ]);
  if (commit === undefined || !/^[0-9a-f]{40,64}$/.test(commit.trim())) return undefined;
  return { commit: commit.trim(), dirty: changes === undefined || changes.trim() !== "" };
}

function git(folder: string, words: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile("git", words, { cwd: folder, timeout: GIT_TIMEOUT_MS }, (error, stdout) =>
      resolve(error ? undefined : stdout),
    );
  });
}
