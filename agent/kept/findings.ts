/** What of the host itself a kept program needs, and a supervisor section can not tell. */
import { existsSync, readFileSync } from "node:fs";
import type { Layout } from "../core/layout.ts";
import { refuse, warn } from "../core/lint/subject.ts";
import { isKept } from "../core/presets.ts";
import { ifThere } from "../io/files.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { LintFinding } from "../wire/program.ts";

/** Linux 5.14 and newer; Documentation/networking/ip-sysctl.rst. */
const MIGRATE_FILE = "/proc/sys/net/ipv4/tcp_migrate_req";

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
