/** What a command costs besides time: the kernel's own account of it and of the processes that it waited for (wait4(2)). */
import { spawn } from "node:child_process";
import type { Command, Timing } from "./turns.ts";

export interface Usage extends Timing {
  /** User and system time together. */
  readonly cpuMs: number;
  /** The most that any one process of it had in memory. */
  readonly peakBytes: number;
}

/** Starts the command, waits for it and says on its own stderr what it cost; Node can ask that only of itself. */
const WATCHER = `
import os, sys, json
pid = os.fork()
if pid == 0:
    os.close(3)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
os.write(3, json.dumps({"cpuMs": (usage.ru_utime + usage.ru_stime) * 1000, "peakBytes": usage.ru_maxrss * 1024}).encode())
sys.exit(os.waitstatus_to_exitcode(status) & 255)
`;

/** Runs a command to its end; one that fails is no measurement. */
export function timeWithUsage({ argv, cwd, env }: Command): Promise<Usage> {
  const startedAt = performance.now();
  const child = spawn("python3", ["-c", WATCHER, ...argv], {
    ...{ cwd, env: { ...process.env, ...env } },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const texts = ["", "", ""];
  const lines: Timing["lines"][number][] = [];
  let rest = "";
  for (const [at, stream] of child.stdio.slice(1).entries()) {
    stream?.on("data", (chunk: Buffer) => {
      const atMs = performance.now() - startedAt;
      texts[at] += String(chunk);
      if (at > 0) return;
      const ended = `${rest}${chunk}`.split("\n");
      rest = ended.pop() ?? "";
      for (const text of ended) lines.push({ atMs, text });
    });
  }
  return new Promise((resolve, reject) => {
    let ms = 0;
    child.on("error", reject);
    child.on("exit", () => {
      ms = performance.now() - startedAt;
    });
    child.on("close", (code) => {
      if (code !== 0) reject(new Error(`${argv.join(" ")}: exit ${code}\n${texts[1]}`));
      else resolve({ ms, lines, ...(JSON.parse(texts[2] ?? "") as Pick<Usage, "cpuMs" | "peakBytes">) });
    });
  });
}
