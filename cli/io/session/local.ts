/** `host: local`: the same session on this machine, without SSH. */
import { spawn } from "node:child_process";
import type { Connection } from "./transport.ts";

const STDERR_TAIL_BYTES = 4096;

export function connectLocal(): Connection {
  return {
    name: "local",
    isHere: () => true,
    exec: async (command) => {
      const child = spawn("/bin/sh", ["-c", command], { stdio: ["pipe", "pipe", "pipe"], detached: true });
      let tail = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        tail = (tail + text).slice(-STDERR_TAIL_BYTES);
      });
      const closed = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
        child.on("error", () => resolve({ code: 127, signal: null }));
        child.on("close", (code, signal) => resolve({ code, signal }));
      });
      return { stdin: child.stdin, stdout: child.stdout, stderrTail: () => tail, closed };
    },
    close: () => {},
  };
}
