/**
 * What is looked at before the flip, and before hooks of the activation run, so that a release which can not run costs neither a request
 * nor a migration: a regular file of this machine, executable for the program's user, and the program's own check of itself.
 */
import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { extname } from "node:path";
import type { HostContext } from "../context.ts";
import { AgentError, reasonOf } from "../core/failure.ts";
import { fillPlaceholders } from "../core/layout.ts";
import { releaseRecords, wasProved } from "../core/ledger.ts";
import { CONFIG_LOOKS } from "../core/lint/config-file.ts";
import { headProblem } from "../core/preflight/executable.ts";
import { syntaxCheck } from "../core/preflight/syntax-check.ts";
import { PRESETS } from "../core/presets.ts";
import type { ReleaseCheck } from "../core/section/preset.ts";
import { errnoOf } from "../io/files.ts";
import { appendLedger, readLedger } from "../io/ledger-file.ts";
import { runCheck } from "../io/run-check.ts";
import { givenUp } from "../io/wire.ts";
import type { AgentFailure } from "../wire/failure.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import { type Account, closedFolder, EXECUTE, mayAccess, programAccount } from "./account.ts";
import type { ActivationOrder } from "./activation.ts";
import { binaryOf } from "./program-view.ts";

/** `runCheck`, which ends with the session. */
type Check = (
  words: readonly string[],
  cwd: string,
  environment: Record<string, string>,
  expect: string | undefined,
) => Promise<string | undefined>;
type Problem = Extract<AgentFailure, { reason: "preflight" }>["problem"];

/**
 * Checks every program of a release. `gone`: of the session; where the operator gives up, a check that is under way is ended.
 *
 * @throws AgentError `preflight`: then the ledger calls the release bad, unless it was proved before: what keeps a check from succeeding
 * may be a database that is away, and must not cost what a rollback goes to. `interrupted`.
 */
export async function preflightRelease(
  context: HostContext,
  tag: string,
  why: ActivationOrder["why"],
  gone: AbortSignal,
): Promise<void> {
  const startedAt = context.now();
  const check: Check = async (words, cwd, environment, expect) => {
    const trouble = await runCheck(words, cwd, environment, expect, { interrupted: givenUp(gone) });
    if (gone.aborted) throw new AgentError({ reason: "interrupted" });
    return trouble;
  };
  try {
    for (const program of context.project.programs) await preflightProgram(context, program, tag, check);
  } catch (error) {
    if (error instanceof AgentError && error.failure.reason === "preflight") {
      recordBad(context, tag, why, Math.round(context.now() - startedAt));
    }
    throw error;
  }
}

/** What the release was refused for is what an operator has to hear: a ledger that can not be read or written is a warning beside it. */
function recordBad(context: HostContext, tag: string, why: ActivationOrder["why"], preflight: number): void {
  const { layout, by } = context;
  try {
    if (wasProved(releaseRecords(readLedger(layout).entries).get(tag))) return;
    const verdict = { event: "bad", activation: "preflight", reason: "preflight", why, phases: { preflight } } as const;
    appendLedger(layout, { ...verdict, at: context.date().toISOString(), tag, by });
  } catch (error) {
    const text = `the ledger could not be told that ${tag} is bad (${reasonOf(error)}): look at ${layout.ledger} and its disk`;
    context.emit({ event: "warning", text });
  }
}

async function preflightProgram(
  context: HostContext,
  program: ProgramPlan,
  tag: string,
  execute: Check,
): Promise<void> {
  const release = context.layout.release(tag);
  const account = await programAccount(context, program);
  if (account === undefined) {
    throw failure(program, release, "not-readable", `there is no user ${program.user ?? "that supervisord runs as"}`);
  }
  checkReachable(program, release, account);
  const binary = binaryOf(program);
  if (binary !== undefined) checkExecutable(program, release, `${release}/${binary}`, account);
  const preset = program.reload.preset;
  const checks: ReleaseCheck[] = program.check === undefined ? [] : [{ words: program.check, environment: {} }];
  const presetCheck = preset === undefined ? undefined : PRESETS[preset].check?.(program.command);
  if (presetCheck) checks.push(presetCheck);
  const { deployTo, shared } = context.layout;
  const run = context.layout.programRun(program.name);
  const places = { release, current: release, deploy_to: deployTo, shared, run };
  const words = program.command.map((word) => fillPlaceholders(word, places));
  if (binary === undefined && words[1]?.startsWith(`${release}/`)) {
    await checkScript(program, release, words, words[1], execute);
  }
  checkConfigFile(program, release, words);
  for (const check of checks) {
    const words = check.words.map((word) => fillPlaceholders(word, places));
    if (words[0]?.includes("/") && !words[0].startsWith("/")) words[0] = `${release}/${words[0]}`;
    const trouble = await execute(words, release, { ...program.environment, ...check.environment }, check.expect);
    if (trouble !== undefined) throw failure(program, words.join(" "), "check-failed", trouble);
  }
}

/** Supervisor would only say that the program exited too quickly. */
function checkReachable(program: ProgramPlan, release: string, account: Account): void {
  const closed = closedFolder(`${realpathSync(release)}/.`, account);
  if (closed === undefined) return;
  throw failure(
    program,
    release,
    "not-readable",
    `${account.name} may not enter ${closed.path}, mode ${octal(closed.mode)}`,
  );
}

function checkExecutable(program: ProgramPlan, release: string, path: string, account: Account): void {
  const found = statOf(program, path);
  if (!found.isFile()) throw failure(program, path, "not-a-file", "");
  if (!realpathSync(path).startsWith(`${realpathSync(release)}/`)) {
    throw failure(program, path, "not-a-file", "a link that leads out of the release");
  }
  if (found.size === 0) throw failure(program, path, "empty", "");
  if (!mayAccess(found, account, EXECUTE)) {
    throw failure(program, path, "not-executable", `${account.name}, mode ${octal(found.mode)}`);
  }
  const problem = headProblem(headOf(program, path), process.arch, (interpreter) => isExecutable(interpreter));
  if (problem) throw failure(program, path, problem.problem, problem.detail);
}

/** `script`: what an interpreter outside of the release is given first. */
async function checkScript(
  program: ProgramPlan,
  release: string,
  words: readonly string[],
  script: string,
  execute: Check,
): Promise<void> {
  // Node finds a module by a name without its ending.
  if (extname(script) !== "") statOf(program, script);
  const check = program.check === undefined ? syntaxCheck(words, program.environment) : undefined;
  if (check === undefined) return;
  const trouble = await execute(check.words, release, { ...program.environment, ...check.environment }, undefined);
  // Whoever may not start the interpreter, as its user may, has learnt nothing of the script.
  if (trouble !== undefined && /^exit /.test(trouble)) throw failure(program, script, "bad-script", trouble);
}

/** What a product reads at each reload, where that is a file of the release. */
function checkConfigFile(program: ProgramPlan, release: string, words: readonly string[]): void {
  const { preset } = program.reload;
  const look = preset === undefined ? undefined : CONFIG_LOOKS[preset];
  const path = look?.file(words);
  if (look === undefined || path === undefined || !path.startsWith(`${release}/`)) return;
  if (!statOf(program, path).isFile()) throw failure(program, path, "not-a-file", "");
  const problem = look.problem(readFileSync(path, "utf8"), words);
  if (problem !== undefined) throw failure(program, path, "bad-config", problem);
}

function statOf(program: ProgramPlan, path: string) {
  try {
    return statSync(path);
  } catch (error) {
    throw failure(
      program,
      path,
      errnoOf(error) === "ENOENT" ? "missing" : "not-readable",
      errnoOf(error) ?? String(error),
    );
  }
}

function headOf(program: ProgramPlan, path: string): Uint8Array {
  const bytes = Buffer.alloc(256);
  try {
    const fd = openSync(path, "r");
    try {
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw failure(program, path, "not-readable", errnoOf(error) ?? String(error));
  }
}

function isExecutable(path: string): boolean {
  try {
    const found = statSync(path);
    return found.isFile() && (found.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

function failure(program: ProgramPlan, path: string, problem: Problem, detail: string): AgentError {
  return new AgentError({ reason: "preflight", program: program.name, path, problem, detail });
}
