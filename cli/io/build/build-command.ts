/** Runs `build.run`: the operator's own command, in the operator's own shell, on the operator's machine. */
import { spawn } from "node:child_process";
import type { Config } from "../../core/config.ts";
import { ZdrError } from "../../failure.ts";

/** Its output goes to stderr as it comes: stdout is for the result. Fails with `build-command` unless it exits with 0. */
export async function runBuildCommand(config: Config): Promise<void> {
  const command = config.build.run;
  if (command === undefined) return;
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    const child = spawn(command, { shell: true, cwd: config.folder, stdio: ["ignore", 2, 2] });
    child.on("error", () => resolve({ code: 127, signal: null }));
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  if (code !== 0) throw new ZdrError({ kind: "build-command", command, code, signal });
}
