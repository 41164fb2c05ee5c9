/** Real child processes for tests: run to their end, or found again by a mark in their environment and ended. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { eventually } from "./eventually.ts";

export interface RunOptions {
  readonly input?: string | undefined;
  /** Added to this process's own environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly cwd?: string | undefined;
  /** After this long it is killed, and `run` throws with what it had said. */
  readonly timeoutMs?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface RunResult {
  /** null: ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const RUN_TIMEOUT_MS = 60_000;

/** Runs a command to its end, whatever its exit code. */
export async function run(command: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const { input = "", env, cwd, timeoutMs = RUN_TIMEOUT_MS, uid, gid } = options;
  const [file, ...args] = command;
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  child.stdin.on("error", () => {}); // it may end without reading
  child.stdin.end(input);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  try {
    const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
    if (isLate) throw new Error(`${command.join(" ")}: killed after ${timeoutMs} ms\n${output.stdout}${output.stderr}`);
    return { code, ...output };
  } finally {
    clearTimeout(timer);
  }
}

/** As `run`, for commands of the test itself: throws when they fail. */
export async function runOk(command: readonly [string, ...string[]], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(" ")}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** Children inherit the environment, so this finds them even after their parents died and they were adopted by init. */
export interface Mark {
  readonly env: Readonly<Record<string, string>>;
  pids(): Promise<readonly number[]>;
  /** Kills all that carry the mark, and returns when none is left. */
  killAll(): Promise<void>;
}

/** Each mark is a variable of its own, so that processes of a test within a test carry both. */
export function newMark(): Mark {
  const name = `ZDR_TEST_MARK_${randomUUID().replaceAll("-", "")}`;
  const pids = async () => {
    const all = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
    const marked = await Promise.all(
      all.map(async (pid) => {
        const environ = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
        return pid !== process.pid && environ.split("\0").includes(`${name}=1`);
      }),
    );
    return all.filter((_, i) => marked[i]);
  };
  return {
    env: { [name]: "1" },
    pids,
    killAll: async () => {
      await eventually(
        async () => {
          const found = await pids();
          for (const pid of found) killQuietly(pid);
          return found.length === 0;
        },
        { name: `no process with ${name} is left` },
      );
    },
  };
}

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
