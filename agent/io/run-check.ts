/** Runs a release's own check of itself: argv, no shell, bounded in time and output. */
import { spawn } from "node:child_process";

export const CHECK_TIMEOUT_MS = 20_000;
const OUTPUT_LIMIT_BYTES = 4096;

/**
 * undefined: exit 0 (and, with `expect`, exactly that output on stdout and stderr together). Otherwise what went wrong,
 * in a few words with the end of the output.
 */
export function runCheck(
  words: readonly string[],
  cwd: string,
  environment: Record<string, string>,
  expect: string | undefined,
): Promise<string | undefined> {
  const [file = "", ...args] = words;
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, LANG: process.env.LANG, ...environment };
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString("utf8")).slice(-OUTPUT_LIMIT_BYTES);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const timer = setTimeout(() => endGroup(child.pid), CHECK_TIMEOUT_MS);
    const finish = (trouble: string | undefined) => {
      clearTimeout(timer);
      endGroup(child.pid);
      resolve(trouble);
    };
    child.on("error", (error) => finish(error.message));
    child.on("exit", () => setTimeout(() => child.stdout.destroy(), 500).unref());
    child.on("close", (code, signal) => finish(verdict(code, signal, output.trim(), expect)));
  });
}

function verdict(
  code: number | null,
  signal: string | null,
  output: string,
  expect: string | undefined,
): string | undefined {
  const end = output.split("\n").slice(-3).join(" | ");
  if (signal !== null) return `ended by ${signal}: ${end}`;
  if (code !== 0) return `exit ${code}: ${end}`;
  if (expect !== undefined && output !== expect)
    return `answered "${end.slice(0, 200)}" where its library expects a token`;
  return undefined;
}

/** The check and whatever it started: it runs in a process group of its own. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // gone already
  }
}
