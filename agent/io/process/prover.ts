/**
 * The agent's end of the root-owned helper (prove.ts), which runs under sudo as long as the agent asks it.
 *
 * - It is started only if the helper and this Node are root's alone, by the exact command of the sudoers line.
 * - What fails once is not tried again: each refusal of sudo is a line in the host's log and maybe a mail to its admin.
 * - It never holds the agent up: neither its event loop, nor longer than one timeout.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { FileIdentity, Look } from "../../core/process/inspection.ts";
import { parseProveAnswer } from "../../core/process/prove-answer.ts";
import { formatProveRequest, PROVE_PID_LIMIT, PROVE_ROOT_LIMIT } from "../../core/process/prove-text.ts";
import { PROVE_FILE, proveCommand } from "../../core/process/sudoers.ts";
import { isTrustedPath } from "./trusted.ts";

/** sudo may ask a directory server who the user is. */
const ANSWER_TIMEOUT_MS = 5_000;
/** Some 512 processes with 256 sockets each. */
const ANSWER_LIMIT = 4 * 1024 * 1024;

export interface Prover {
  /** One look for each pid, in any order. Undefined: the helper is not set up, was refused, or has failed before. */
  ask(pids: readonly number[], roots: readonly FileIdentity[]): Promise<readonly Look[] | undefined>;
  close(): void;
}

export interface ProverOptions {
  readonly proveFile?: string;
  /** As the sudoers line names it. */
  readonly nodePath?: string;
}

type Helper = ChildProcessByStdio<Writable, Readable, null>;

export function openProver(options: ProverOptions = {}): Prover {
  const { proveFile = PROVE_FILE, nodePath = process.execPath } = options;
  let helper: Promise<Helper | undefined> | undefined;
  let isBroken = false;
  let queue: Promise<unknown> = Promise.resolve();

  const askNow = async (line: string): Promise<readonly Look[] | undefined> => {
    if (isBroken) return undefined;
    helper ??= startHelper(nodePath, proveFile);
    const running = await helper;
    const answer = running === undefined ? undefined : await exchange(running, line);
    const looks = answer === undefined ? undefined : parseProveAnswer(answer);
    if (looks === undefined) {
      isBroken = true;
      running?.stdin.end();
      running?.kill();
    }
    return looks;
  };
  return {
    ask(pids, roots) {
      if (pids.length > PROVE_PID_LIMIT || roots.length > PROVE_ROOT_LIMIT) return Promise.resolve(undefined);
      const asked = queue.then(() => askNow(formatProveRequest({ pids, roots })));
      queue = asked.catch(() => undefined);
      return asked;
    },
    close() {
      isBroken = true;
      void helper?.then((running) => running?.stdin.end());
    },
  };
}

async function startHelper(nodePath: string, proveFile: string): Promise<Helper | undefined> {
  if (!(await isTrustedPath(proveFile)) || !(await isTrustedPath(nodePath))) return undefined;
  const helper = spawn("sudo", ["-n", "--", ...proveCommand(nodePath, proveFile)], {
    stdio: ["pipe", "pipe", "ignore"],
    cwd: "/",
  });
  helper.on("error", () => {});
  helper.stdin.on("error", () => {});
  helper.stdout.on("error", () => {});
  helper.stdout.setEncoding("latin1");
  helper.unref();
  for (const pipe of [helper.stdin, helper.stdout])
    if ("unref" in pipe && typeof pipe.unref === "function") pipe.unref();
  return helper;
}

/** Undefined: the helper ended, said too much, or nothing in time. */
function exchange(helper: Helper, line: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = "";
    const finish = (result: string | undefined) => {
      clearTimeout(timer);
      helper.stdout.off("data", take).off("end", end).off("close", end);
      helper.off("error", end);
      resolve(result);
    };
    const end = () => finish(undefined);
    const take = (chunk: string) => {
      answer += chunk;
      if (answer.endsWith("\n")) finish(answer);
      else if (answer.length > ANSWER_LIMIT) finish(undefined);
    };
    // Not unref'ed: while an answer is awaited, it is what keeps the agent alive.
    const timer = setTimeout(end, ANSWER_TIMEOUT_MS);
    helper.stdout.on("data", take).on("end", end).on("close", end);
    helper.on("error", end);
    if (helper.stdout.readableEnded || helper.stdout.destroyed) end();
    else helper.stdin.write(`${line}\n`);
  });
}
