/**
 * A runner of GitHub Actions, as far as the templates need one: the steps of a composite action, their shell verbatim, with the
 * files and variables that the runner gives them. What it evaluates are the expressions that stand in the templates.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const TEMPLATES = fileURLToPath(new URL("../../../templates/ci/github/", import.meta.url));

interface Step {
  readonly name: string;
  readonly id?: string;
  readonly if?: string;
  readonly shell: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly "working-directory"?: string;
  readonly run: string;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required?: boolean }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

interface Job {
  readonly if: string;
  readonly concurrency?: { readonly group: string; readonly "cancel-in-progress": boolean };
  readonly steps: readonly { readonly uses: string; readonly with?: Readonly<Record<string, unknown>> }[];
}

/** Values by the paths that expressions name: `github.event_name`, `inputs.to`. */
export type Context = Readonly<Record<string, string>>;

export interface StepEnd {
  readonly name: string;
  readonly code: number | null;
  /** stdout and stderr, as the log shows them. */
  readonly log: string;
}

export interface JobOptions {
  /** A folder for the runner's own files; the repository is checked out at `workspace`. */
  readonly dir: string;
  readonly workspace: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly context: Context;
  /** Told when a step's first process runs; what it returns, where it does, is the cancellation of the job. */
  readonly onStep?: (name: string, child: ChildProcess) => void;
}

export interface JobEnd {
  readonly steps: readonly StepEnd[];
  readonly summary: string;
  /** The job's annotations, as the runner reads them. */
  readonly annotations: readonly string[];
}

export async function jobsOf(): Promise<Readonly<Record<string, Job>>> {
  return parse(await readFile(join(TEMPLATES, "deploy.yml"), "utf8")).jobs;
}

/** Which jobs of the workflow an event starts. */
export async function jobsFor(context: Context): Promise<string[]> {
  return Object.entries(await jobsOf()).flatMap(([name, job]) => (evaluate(job.if, context) ? [name] : []));
}

/** Runs one job of the workflow: its call of the action. Checking out and setting Node up are the test's. */
export async function runJob(name: string, options: JobOptions): Promise<JobEnd> {
  const job = (await jobsOf())[name];
  const call = job?.steps.find(({ uses }) => uses === "./.github/actions/zdr");
  const given = Object.entries(call?.with ?? {}).map(([key, value]) => [key, fill(String(value), options.context)]);
  return runAction(Object.fromEntries(given), options);
}

async function runAction(given: Readonly<Record<string, string>>, options: JobOptions): Promise<JobEnd> {
  const action: Action = parse(await readFile(join(TEMPLATES, "action.yml"), "utf8"));
  const context: Record<string, string> = { ...options.context };
  for (const [key, { default: value = "", required = false }] of Object.entries(action.inputs)) {
    if (required && (given[key] ?? "") === "") throw new Error(`the input ${key} is not given`);
    context[`inputs.${key}`] = given[key] ?? value;
  }
  await mkdir(options.dir, { recursive: true });
  const [output, summary] = [join(options.dir, "output"), join(options.dir, "summary.md")];
  await writeFile(summary, "");
  const steps: StepEnd[] = [];
  let hasFailed = false;
  for (const [index, step] of action.runs.steps.entries()) {
    const condition = step.if ?? "success()";
    const isWanted = evaluate(condition, { ...context, "status.failed": hasFailed ? "true" : "" });
    if (!isWanted || (hasFailed && !condition.includes("always()"))) continue;
    await writeFile(output, "");
    const end = await runStep(step, index, context, { ...options, output, summary });
    steps.push(end);
    hasFailed ||= end.code !== 0;
    for (const line of (await readFile(output, "utf8")).split("\n").filter((text) => text !== "")) {
      const [key = "", ...value] = line.split("=");
      context[`steps.${step.id}.outputs.${key}`] = value.join("=");
    }
  }
  const log = steps.map((step) => step.log).join("");
  return {
    ...{ steps, summary: await readFile(summary, "utf8") },
    annotations: log.split("\n").filter((line) => /^::(?:error|warning) /.test(line)),
  };
}

async function runStep(
  step: Step,
  index: number,
  context: Context,
  { dir, workspace, env, output, summary, onStep }: JobOptions & { output: string; summary: string },
): Promise<StepEnd> {
  if (step.shell !== "bash") throw new Error(`the runner of the tests knows bash, and not ${step.shell}`);
  const script = join(dir, `step-${index}.sh`);
  await writeFile(script, fill(step.run, context));
  const stepEnv = Object.entries(step.env ?? {}).map(([key, value]) => [key, fill(value, context)]);
  // docs.github.com, "Workflow syntax", jobs.<job_id>.steps[*].shell
  const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", script], {
    cwd: join(workspace, fill(step["working-directory"] ?? ".", context)),
    env: {
      ...process.env,
      ...env,
      ...{ CI: "true", GITHUB_ACTIONS: "true", GITHUB_WORKSPACE: workspace },
      ...{ GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary },
      ...Object.fromEntries(stepEnv),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  onStep?.(step.name, child);
  const [code] = await once(child, "close");
  return { name: step.name, code, log };
}

function fill(text: string, context: Context): string {
  return text.replace(/\$\{\{(.*?)\}\}/g, (_, expression: string) => String(evaluate(expression, context)));
}

/** `==`, `&&`, `||` and `!=` mean in these expressions what they mean in JavaScript, for texts. */
function evaluate(expression: string, context: Context): unknown {
  const code = expression.replace(/'[^']*'|\b[a-z]+(?:\.[\w-]+)+/g, (part) =>
    part.startsWith("'") ? part : `lookUp(${JSON.stringify(part)})`,
  );
  const functions = {
    lookUp: (path: string) => context[path] ?? "",
    format: (pattern: string, ...values: string[]) => pattern.replace(/\{(\d+)\}/g, (_, at) => values[at] ?? ""),
    always: () => true,
    success: () => (context["status.failed"] ?? "") === "",
  };
  return new Function(...Object.keys(functions), `return ${code};`)(...Object.values(functions));
}
