/** A runner of GitLab, as far as the template needs one: a job's before_script and script in one shell, verbatim. */
import { spawn } from "node:child_process";
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

export async function runGitlabJob(name: string, options: GitlabOptions): Promise<RunResult> {
  return run(["bash", await scriptOf(name, options)], { cwd: options.workspace, env: environmentOf(options) });
}

/** A job that a test cancels. */
export interface RunningJob {
  /** As the shell executor does it, to the whole process group (gitlab-runner, helpers/process/killer_unix.go). */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  log(): string;
  /** How its shell ended, once nobody writes to the log any more. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

export async function startGitlabJob(name: string, options: GitlabOptions): Promise<RunningJob> {
  const child = spawn("bash", [await scriptOf(name, options)], {
    ...{ cwd: options.workspace, env: { ...process.env, ...environmentOf(options) }, detached: true },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.on("error", reject).on("close", (code, signal) => resolve({ code, signal }));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("bash did not start");
  return { kill: (signal) => void process.kill(-pid, signal), log: () => log, ended };
}

const environmentOf = ({ env }: GitlabOptions) => ({ ...env, CI: "true", GITLAB_CI: "true" });

async function scriptOf(name: string, { dir }: GitlabOptions): Promise<string> {
  const { before_script = [], script = [] } = await gitlabJob(name);
  const file = join(dir, `${name}.sh`);
  // The runner's shell writer begins a script so (gitlab-runner, shells/bash.go).
  await writeFile(file, ["set -eo pipefail", ...before_script, ...script, ""].join("\n"));
  return file;
}
