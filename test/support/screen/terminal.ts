/** A command on a real terminal (script(1) makes one), typed to by a test. */
import { spawn } from "node:child_process";
import { eventually } from "../eventually.ts";
import type { Cleanup } from "../rig.ts";

/** What control keys send. */
export const KEYS = { interrupt: "\x03", end: "\x04", enter: "\r", backspace: "\x7f" } as const;

export interface Terminal {
  /** Waits until these words are shown behind all that was waited for before. */
  shows(words: string): Promise<void>;
  type(keys: string): void;
  /** All that it has shown so far. */
  shown(): string;
  readonly ended: Promise<number | null>;
}

export interface TerminalOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** `command`: for sh. */
export function openTerminal(cleanup: Cleanup, command: string, { cwd, env }: TerminalOptions): Terminal {
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd, env: { ...process.env, ...env } });
  let shown = "";
  let read = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  child.stdin.on("error", () => {});
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  cleanup.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return {
    async shows(words) {
      const isThere = () => shown.indexOf(words, read) !== -1;
      await eventually(isThere, { name: `"${words}" is shown`, timeoutMs: 60_000 }).catch((error: unknown) => {
        throw new Error(`${String(error)}; shown: ${JSON.stringify(shown)}`);
      });
      read = shown.indexOf(words, read) + words.length;
    },
    type: (keys) => void child.stdin.write(keys),
    shown: () => shown,
    ended,
  };
}
