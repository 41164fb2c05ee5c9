/** Runs a release's own check of itself, or a hook: argv, no shell, bounded in time and output. */
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "./files.ts";
import { type PipedChild, startPiped } from "./process/piped-child.ts";

/** What a check says last may still be in the pipe when it has ended. */
const PIPES_AFTER_EXIT_MS = 500;
export const CHECK_TIMEOUT_MS = 20_000;
const OUTPUT_LIMIT_BYTES = 16_384;
/** Of what it printed, lines that are told: a panic says what is wrong first, a traceback last. */
const FIRST_LINES = 2;
const LAST_LINES = 2;
/** From TERM to KILL, for one that is interrupted: for putting down what it has in its hands. */
const GRACE_MS = 3_000;
const POLL_MS = 100;
/** From KILL on. What waits in the kernel, for a disk that hangs, does not hear it, and the host's lock is held for it. */
const KILLED_MS = 5_000;
/** Python would leave compiled files in a release that is not to change. */
const UNCHANGING = { PYTHONDONTWRITEBYTECODE: "1" };

export interface CheckLimits {
  readonly timeoutMs?: number;
  /** Ends it by TERM, and KILL some seconds later. */
  readonly interrupted?: AbortSignal | undefined;
}

/**
 * undefined: exit 0 (and, with `expect`, exactly that output on stdout and stderr together). Otherwise what went wrong,
 * in a few words with what it printed first and last; also where it could not be begun. Never rejects.
 */
export function runCheck(
  words: readonly string[],
  cwd: string,
  environment: Record<string, string>,
  expect: string | undefined,
  { timeoutMs = CHECK_TIMEOUT_MS, interrupted }: CheckLimits = {},
): Promise<string | undefined> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, LANG: process.env.LANG, ...UNCHANGING, ...environment };
  return new Promise((resolve) => {
    const child = startPiped(words, { cwd, env });
    if (typeof child === "string") return resolve(child);
    let output = "";
    let isLate = false;
    const collect = (chunk: Buffer) => {
      output += chunk.toString("utf8");
      if (output.length <= OUTPUT_LIMIT_BYTES) return;
      output = output.slice(0, OUTPUT_LIMIT_BYTES / 2) + output.slice(-OUTPUT_LIMIT_BYTES / 2);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    let killAt: number | undefined;
    let isOver = false;
    const finish = async (trouble: string | undefined) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      interrupted?.removeEventListener("abort", interrupt);
      // A shell ends at once, and what it had started may still be at it.
      while (killAt !== undefined && performance.now() < killAt && signalGroup(child.pid, 0) === "sent")
        await sleep(POLL_MS);
      signalGroup(child.pid, "SIGKILL");
      resolve(trouble);
    };
    const kill = () => {
      if (signalGroup(child.pid, "SIGKILL") === "refused") {
        leave(`it runs as another user, and could not be ended${said(output)}`);
      } else setTimeout(leaveUnkillable, KILLED_MS).unref();
    };
    const leave = (trouble: string) => {
      closePipes(child);
      child.unref();
      void finish(trouble);
    };
    const leaveUnkillable = () => {
      // One that has exited has only its pipes to close.
      if (isOver || child.exitCode !== null || child.signalCode !== null) return;
      const when = isLate ? `did not end within ${timeoutMs / 1000} s, nor of SIGKILL` : "did not end of SIGKILL";
      leave(`it ${when}: pid ${child.pid} is left, held by the kernel, maybe for a disk that hangs${said(output)}`);
    };
    const interrupt = () => {
      killAt = performance.now() + GRACE_MS;
      signalGroup(child.pid, "SIGTERM");
      setTimeout(kill, GRACE_MS).unref();
    };
    if (interrupted?.aborted) interrupt();
    else interrupted?.addEventListener("abort", interrupt);
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, timeoutMs);
    child.on("error", (error) => void finish(error.message));
    // Something that it started, in a session of its own, may hold the pipes for ever.
    child.on("exit", () => setTimeout(() => closePipes(child), PIPES_AFTER_EXIT_MS).unref());
    child.on("close", (code, signal) => {
      void finish(isLate ? late(output, timeoutMs) : verdict(code, signal, output.trim(), expect));
    });
  });
}

function closePipes({ stdout, stderr }: PipedChild): void {
  stdout.destroy();
  stderr.destroy();
}

function verdict(
  code: number | null,
  signal: string | null,
  output: string,
  expect: string | undefined,
): string | undefined {
  if (signal !== null) return `ended by ${signal}${said(output)}`;
  if (code !== 0) return `exit ${code}${said(output)}`;
  if (expect !== undefined && output !== expect) {
    return `it printed something before its library could answer, which must come first${said(output)}`;
  }
  return undefined;
}

function late(output: string, timeoutMs: number): string {
  return `it did not end within ${timeoutMs / 1000} s${said(output)}`;
}

/** Of what Node says of an error: where in Node it came up, and the arrows under a line that is told without its blanks. */
const TELLS_NOTHING = /^(?:at .*:\d+:\d+\)?|Node\.js v\S+|[\^~]+)$/;

/** `: first line | second line | … | last line`, or nothing. */
function said(output: string): string {
  const lines = output.split("\n").map((line) => line.trim().slice(0, 200));
  const told = lines.filter((line) => line !== "" && !TELLS_NOTHING.test(line));
  const [head, tail] = [told.slice(0, FIRST_LINES), told.slice(FIRST_LINES).slice(-LAST_LINES)];
  const middle = told.length > head.length + tail.length ? ["…"] : [];
  return told.length === 0 ? "" : `: ${[...head, ...middle, ...tail].join(" | ")}`;
}

/** The check and whatever it started: it runs in a process group of its own. 0 only asks. `refused`: all of them are another user's. */
function signalGroup(pid: number | undefined, signal: "SIGTERM" | "SIGKILL" | 0): "sent" | "nobody" | "refused" {
  if (pid === undefined) return "nobody";
  try {
    process.kill(-pid, signal);
    return "sent";
  } catch (error) {
    return errnoOf(error) === "EPERM" ? "refused" : "nobody";
  }
}
