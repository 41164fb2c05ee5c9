/** What dies, while the agent stays at one moment. */

import { eventually } from "../eventually.ts";
import type { DelayProxy } from "../load/delay-proxy.ts";
import type { RunningZdr } from "../rig.ts";

export interface Victims {
  readonly zdr: RunningZdr;
  readonly agentPid: number;
  readonly proxy: DelayProxy;
}

export const FAULTS = {
  "CLI killed": async ({ zdr }) => {
    zdr.kill("SIGKILL");
    await zdr.done;
  },
  "agent killed": async ({ agentPid }) => {
    process.kill(agentPid, "SIGKILL");
  },
  "both killed": async ({ zdr, agentPid }) => {
    zdr.kill("SIGKILL");
    process.kill(agentPid, "SIGKILL");
    await zdr.done;
  },
  "link reset": async ({ proxy }) => {
    proxy.cut();
  },
  "link silent": async ({ proxy }) => {
    proxy.freeze();
  },
  "CLI terminated": async ({ zdr }) => {
    zdr.kill("SIGTERM");
    // Else it may hear what the agent says next before it hears that.
    await eventually(() => zdr.said().stderr.includes("SIGTERM received"), {
      name: "SIGTERM is heard",
      timeoutMs: 60_000,
    });
  },
} as const satisfies Record<string, (victims: Victims) => Promise<void>>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];
