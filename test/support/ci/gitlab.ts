/** A runner of GitLab, as far as the template needs one: a job's before_script and script in one shell, verbatim. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { type RunResult, run } from "../processes.ts";

const TEMPLATE = fileURLToPath(new URL("../../../templates/ci/gitlab/zdr.gitlab-ci.yml", import.meta.url));

export interface GitlabJob {
  readonly extends?: string;
  readonly before_script?: readonly string[];
  readonly script?: readonly string[];
  readonly resource_group?: string;
  readonly interruptible?: boolean;
  readonly rules?: readonly { readonly if: string; readonly when?: string }[];
  readonly artifacts?: { readonly when: string; readonly reports: { readonly junit: string } };
}

export interface GitlabOptions {
  /** For the runner's own files. */
  readonly dir: string;
  readonly workspace: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export async function gitlabJob(name: string): Promise<GitlabJob> {
  const jobs: Readonly<Record<string, GitlabJob>> = parse(await readFile(TEMPLATE, "utf8"));
  const job = jobs[name];
  if (job === undefined) throw new Error(`the template has no job ${name}`);
  return { ...(job.extends === undefined ? {} : jobs[job.extends]), ...job };
}

export async function runGitlabJob(name: string, { dir, workspace, env }: GitlabOptions): Promise<RunResult> {
  const { before_script = [], script = [] } = await gitlabJob(name);
  const file = join(dir, `${name}.sh`);
  // The runner's shell writer begins a script so (gitlab-runner, shells/bash.go).
  await writeFile(file, ["set -eo pipefail", ...before_script, ...script, ""].join("\n"));
  return run(["bash", file], { cwd: workspace, env: { ...env, CI: "true", GITLAB_CI: "true" } });
}
