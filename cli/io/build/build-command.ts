/** Runs `build.run`: the operator's own command, in the operator's own shell, on the operator's machine. */
import { spawn } from "node:child_process";
import type { Config } from "../../core/config.ts";
import { ZdrError } from "../../failure.ts";
import { endGroup } from "../child-group.ts";

export interface BuildOptions {
  /** Ends the build; its reason is the signal that zdr was sent. */
  readonly stop: AbortSignal;
  /**
   * Somebody sits at a terminal: the build may ask there, and gets Ctrl-C from it like zdr itself. Elsewhere it has a process
   * group (and session) of its own, so that all of it can be ended and not only its shell.
   */
  readonly isWatched: boolean;
  /** Of zdr itself, and what the build may want to know. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A terminal has sent Ctrl-C to all of the build: its shell waits for the rest, for so long. */
const CTRL_C_GRACE_MS = 3_000;

/**
 * Its output goes to stderr as it comes: stdout is for the result. Fails with `build-command` unless it exits with 0, and not
 * before all of it has ended: nobody else may build there meanwhile.
 */
export async function runBuildCommand(config: Config, { stop, isWatched, env }: BuildOptions): Promise<void> {
  const command = config.build.run;
  if (command === undefined) return;
  stop.throwIfAborted();
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    const where = { shell: true, cwd: config.folder, env, detached: !isWatched };
    const child = spawn(command, { ...where, stdio: ["ignore", 2, 2] });
    let ending: Promise<void> | undefined;
    const end = () => {
      const afterMs = stop.reason === "SIGINT" ? CTRL_C_GRACE_MS : 0;
      if (isWatched) setTimeout(() => child.kill("SIGTERM"), afterMs).unref();
      else ending = endGroup(child.pid);
    };
    stop.addEventListener("abort", end);
    const finish = async (code: number | null, signal: string | null) => {
      stop.removeEventListener("abort", end);
      await ending;
      resolve({ code, signal });
    };
    child.on("error", () => void finish(127, null));
    child.on("close", (code, signal) => void finish(code, signal));
  });
  if (code !== 0) throw new ZdrError({ kind: "build-command", command, code, signal });
}
