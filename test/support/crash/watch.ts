/** Somebody who never takes his eyes off `current`, of one host or of many, in a process of his own. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Cleanup } from "../rig.ts";

/** What the process is told: the deploy_to that is to be told of, and is looked at from the first time on. */
export type WatchOrder = string;

export interface WatchMessage {
  readonly deployTo: string;
  readonly looks: number;
  /** Moments at which `current` named no complete release, in words. */
  readonly problems: readonly string[];
}

export interface CurrentWatch {
  /** What was seen since the last call. */
  take(): Promise<WatchMessage>;
}

/** Resolves when it looks. */
export async function watchCurrent(cleanup: Cleanup, deployTo: string): Promise<CurrentWatch> {
  return startWatcher(cleanup)(deployTo);
}

export function startWatcher(cleanup: Cleanup): (deployTo: string) => Promise<CurrentWatch> {
  const worker = fork(fileURLToPath(new URL("../drivers/current-watcher.ts", import.meta.url)), [], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(worker, "exit");
  cleanup.after(async () => {
    worker.kill("SIGKILL");
    await ended;
  });
  const over = ended.then(() => Promise.reject(new Error("the watcher of current has ended")));
  over.catch(() => {});
  const answerOf = (deployTo: string) =>
    new Promise<WatchMessage>((resolve) => {
      const hear = (message: WatchMessage) => {
        if (message.deployTo !== deployTo) return;
        worker.off("message", hear);
        resolve(message);
      };
      worker.on("message", hear);
    });
  const take = (deployTo: string) => {
    const answer = answerOf(deployTo);
    worker.send(deployTo satisfies WatchOrder);
    return Promise.race([answer, over]);
  };
  return async (deployTo) => {
    await take(deployTo);
    return { take: () => take(deployTo) };
  };
}
