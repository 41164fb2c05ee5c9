/** The agent as it is delivered: a file beside this program. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentFile } from "./bootstrap.ts";

/** Reads the bundle of this very installation; its sha256 names it on every host. */
export function readAgentBundle(folder: string): AgentFile {
  const bytes = readFileSync(join(folder, "agent.cjs"));
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Where the agent lies on a host; the same place as agent/core/layout.ts describes, named by content. */
export function agentPathOn(deployTo: string, sha256: string): string {
  return `${deployTo}/.zdr/agent-${sha256.slice(0, 16)}.cjs`;
}

/** The helper that `setup` hands to an administrator. */
export function readProveBundle(folder: string): string {
  return readFileSync(join(folder, "prove.cjs"), "utf8");
}

/** What `setup` puts on hosts for supervisor to run in the place of programs that hand over. */
export function readKeeperBundle(folder: string): string {
  return readFileSync(join(folder, "keeper.cjs"), "utf8");
}
