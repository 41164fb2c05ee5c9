/** `zdr plan --tag TAG`: what a deploy would do, from the facts of the hosts, and an ID that holds a deploy to it. */
import type { ExitCode } from "../core/exit-code.ts";
import type { Run } from "../run.ts";
import { type DeployOptions, deploy } from "./deploy.ts";

export function plan(run: Run, options: Omit<DeployOptions, "dryRun" | "plan">): Promise<ExitCode> {
  return deploy(run, { ...options, dryRun: "plan" });
}
