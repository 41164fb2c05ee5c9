/** A child process of a test that says on its first line of stdout that it is where the test wants it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Child {
  readonly pid: number;
  /** The line by which it said that it is ready. */
  readonly said: string;
  /** Resolves when it has ended, by itself or by `end`. */
  readonly ended: Promise<unknown>;
  /** Kills it, and waits until it is gone. */
  end(): Promise<void>;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  /** A process group of its own, as supervisord makes one. */
  readonly detached?: boolean;
}

/** Resolves when the child has said its first line; rejects when it ends without one. */
export async function startChild(command: readonly [string, ...string[]], options: ChildOptions = {}): Promise<Child> {
  const [file, ...args] = command;
  const { env, ...rest } = options;
  const child = spawn(file, args, { ...rest, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const lines = createInterface(child.stdout);
  const said = await Promise.race([once(lines, "line"), ended.then(() => undefined)]);
  if (said === undefined) throw new Error(`${command.join(" ")}: ended before it was ready`);
  // What it started may hold the pipe for longer, and would keep the test alive.
  void ended.then(() => child.stdout.destroy());
  return { pid: child.pid ?? 0, said: String(said[0]), ended, end: () => kill(child, ended) };
}

async function kill(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await ended;
}
