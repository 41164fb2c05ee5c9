/** The program `shop` as a test sees it from outside: what it answers, what supervisor holds, which processes it has. */
import { readdir, readFile } from "node:fs/promises";
import { get } from "node:http";
import type { Rig } from "../rig.ts";
import { monotonicMs } from "./load.ts";

export async function supervisedPid(rig: Rig): Promise<number> {
  return Number((await rig.supervisord.ctl(["pid", "shop"])).stdout);
}

/** Pids of living processes whose environment names the folder: whatever was started for it. */
export async function processesOf(deployTo: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    if (environment.includes(`ZDR_CURRENT=${deployTo}/current`)) found.push(pid);
  }
  return found;
}

export interface Answer {
  readonly status: number | undefined;
  readonly release: string;
  /** As `monotonicMs` tells it. */
  readonly doneAt: number;
}

/** One request on a connection of its own. */
export function ask(url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      const release = String(response.headers["x-release"]);
      response.on("error", reject).on("end", () => {
        resolve({ status: response.statusCode, release, doneAt: monotonicMs() });
      });
      response.resume();
    });
    request.on("error", reject);
  });
}
