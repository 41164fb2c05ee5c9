/** Runs `build.run`: the operator's own command, in the operator's own shell, on the operator's machine. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Config } from "../../core/config.ts";
import { ZdrError } from "../../failure.ts";

export interface BuildOptions {
  /** Ends the build by SIGTERM. */
  readonly stop: AbortSignal;
  /**
   * Somebody sits at a terminal: the build may ask there, and gets Ctrl-C from it like zdr itself. Elsewhere it has a process
   * group (and session) of its own, so that all of it can be ended and not only its shell.
   */
  readonly isWatched: boolean;
}

/** Its output goes to stderr as it comes: stdout is for the result. Fails with `build-command` unless it exits with 0. */
export async function runBuildCommand(config: Config, { stop, isWatched }: BuildOptions): Promise<void> {
  const command = config.build.run;
  if (command === undefined) return;
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    const child = spawn(command, { shell: true, cwd: config.folder, stdio: ["ignore", 2, 2], detached: !isWatched });
    stop.addEventListener("abort", () => end(child, isWatched));
    child.on("error", () => resolve({ code: 127, signal: null }));
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  if (code !== 0) throw new ZdrError({ kind: "build-command", command, code, signal });
}

function end(child: ChildProcess, isWatched: boolean): void {
  if (isWatched || child.pid === undefined) {
    child.kill("SIGTERM");
    return;
  }
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch {
    // It has just ended.
  }
}
