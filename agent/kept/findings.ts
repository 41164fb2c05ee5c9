/** What of the host itself a kept program needs, and a supervisor section can not tell. */
import { existsSync, readFileSync } from "node:fs";
import type { HostContext } from "../context.ts";
import type { Layout } from "../core/layout.ts";
import { refuse, warn } from "../core/lint/subject.ts";
import { isKept } from "../core/presets.ts";
import { ifThere } from "../io/files.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { LintFinding } from "../wire/program.ts";
import { keptDifferences } from "./spec.ts";

/** Linux 5.14 and newer; Documentation/networking/ip-sysctl.rst. */
const MIGRATE_FILE = "/proc/sys/net/ipv4/tcp_migrate_req";

/**
 * What makes a reload of a running program useless: with `handover` and `http` the successor inherits argv and environment
 * from its parent, and no library lets anybody change that; a keeper opens its sockets once. Asked where a reload is due.
 */
export async function changedFindings(context: HostContext, program: ProgramPlan): Promise<LintFinding[]> {
  const { name, reload } = program;
  const differs = await keptDifferences(context, program);
  const counting = reload.strategy === "socket" ? differs.filter((what) => ONLY_AT_START.has(what)) : differs;
  if (counting.length === 0) return [];
  const what = counting.map((one) => one.replace(/^environment\.(.*)$/, "$1 in environment")).join(", ");
  const why =
    reload.strategy === "socket" ? "its keeper opened its sockets" : "each process inherits it from the last one";
  const text = `deploy.yml has changed what only a restart changes: ${what} (${why})`;
  const fix = `zdr restart ${name}; or, where the release that runs can not start with it: zdr stop ${name}, then deploy`;
  return [refuse("needs-restart", text, fix)];
}

/** Of a program that takes its sockets from the keeper; the rest counts from the next generation on. */
const ONLY_AT_START: ReadonlySet<string> = new Set(["strategy", "listen"]);

export function keptFindings(program: ProgramPlan, layout: Layout): LintFinding[] {
  if (!isKept(program)) return [];
  const text = `${layout.keeper}, by which supervisor starts it, is missing`;
  const missing = existsSync(layout.keeper) ? [] : [refuse("keeper-missing", text, "zdr setup")];
  return program.reload.preset === "reuseport" ? [...missing, ...queueFindings()] : missing;
}

/** Connections that wait in the queue of a SO_REUSEPORT socket are reset when it is closed, unless the kernel moves them. */
function queueFindings(): LintFinding[] {
  const value = ifThere("read", MIGRATE_FILE, () => readFileSync(MIGRATE_FILE, "utf8"));
  if (value?.trim() === "1") return [];
  const text =
    "net.ipv4.tcp_migrate_req is not 1: the kernel resets connections that wait for the old process when it goes";
  return [warn("migrate-requests", text, "sysctl -w net.ipv4.tcp_migrate_req=1 (Linux 5.14 and newer)")];
}
