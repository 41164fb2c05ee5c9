/** Somebody who never takes his eyes off `current`, in a process of his own. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Cleanup } from "../rig.ts";

export interface WatchMessage {
  readonly looks: number;
  /** Moments at which `current` named no complete release, in words. */
  readonly problems: readonly string[];
}

export interface CurrentWatch {
  /** What was seen since the last call. */
  take(): Promise<WatchMessage>;
}

export async function watchCurrent(cleanup: Cleanup, deployTo: string): Promise<CurrentWatch> {
  const worker = fork(fileURLToPath(new URL("../drivers/current-watcher.ts", import.meta.url)), [deployTo], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(worker, "exit");
  cleanup.after(async () => {
    worker.kill("SIGKILL");
    await ended;
  });
  const next = async (): Promise<WatchMessage> => {
    const [message] = await Promise.race([
      once(worker, "message"),
      ended.then(() => Promise.reject(new Error("the watcher of current has ended"))),
    ]);
    return message as WatchMessage;
  };
  await next();
  return {
    take() {
      const answer = next();
      worker.send("take");
      return answer;
    },
  };
}
