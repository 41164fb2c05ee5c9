/** What of the host itself a program needs, and a supervisor section can not tell. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Account, closedFolder, mayAccess, WRITE } from "../activation/account.ts";
import type { Layout } from "../core/layout.ts";
import { refuse, warn } from "../core/lint/subject.ts";
import { isKept } from "../core/presets.ts";
import { errnoOf, ifThere } from "../io/files.ts";
import type { ProgramPlan } from "../wire/plan.ts";
import type { LintFinding } from "../wire/program.ts";

/** Linux 5.14 and newer; Documentation/networking/ip-sysctl.rst. */
const MIGRATE_FILE = "/proc/sys/net/ipv4/tcp_migrate_req";

/**
 * What makes a reload of a running program useless: with `handover` and `http` the successor inherits argv and environment
 * from its parent, and no library lets anybody change that; a keeper opens its sockets once. Asked where a reload is due.
 * `differs`: keptDifferences.
 */
export function changedFindings(program: ProgramPlan, differs: readonly string[]): LintFinding[] {
  const { name, reload } = program;
  const counting = differs.filter((what) => !isTakenIn(program, what));
  if (counting.length === 0) return lostSockets(program);
  const what = counting.map(inWords).join(", ");
  const why =
    reload.strategy === "socket" ? "its keeper opened its sockets" : "each process inherits it from the last one";
  const text = `deploy.yml has changed what only a restart changes: ${what} (${why})`;
  const fix = `zdr restart ${name}; or, where the release that runs can not start with it: zdr stop ${name}, then deploy`;
  return [refuse("needs-restart", text, fix)];
}

/** What of it a reload takes in, in words. */
export function changesTakenIn(program: ProgramPlan, differs: readonly string[]): string[] {
  return differs.filter((what) => isTakenIn(program, what)).map(inWords);
}

const isTakenIn = ({ reload }: ProgramPlan, what: string) => reload.strategy === "socket" && !ONLY_AT_START.has(what);
const inWords = (what: string) => what.replace(/^environment\.(.*)$/, "$1 in environment");

/** Through a socket whose file has gone nobody can connect any more, whichever release serves. */
function lostSockets({ name, listen = [] }: ProgramPlan): LintFinding[] {
  const lost = listen.flatMap((address) => ("path" in address && !existsSync(address.path) ? [address.path] : []));
  if (lost.length === 0) return [];
  const text = `somebody has removed ${lost.join(", ")}, where its keeper listens: only a restart makes it anew`;
  return [refuse("needs-restart", text, `zdr restart ${name}`)];
}

/** Of a program that takes its sockets from the keeper; the rest counts from the next generation on. */
const ONLY_AT_START: ReadonlySet<string> = new Set(["strategy", "listen"]);

export function keptFindings(program: ProgramPlan, layout: Layout, account: Account | undefined): LintFinding[] {
  if (!isKept(program)) return sharesPort(program) ? queueFindings() : [];
  const text = `${layout.keeper}, by which supervisor starts it, is missing`;
  const missing = existsSync(layout.keeper) ? [] : [refuse("keeper-missing", text, "zdr setup")];
  const queue = program.reload.preset === "reuseport" ? queueFindings() : [];
  return [...missing, ...queue, ...folderFindings(program, account)];
}

/** The keeper makes the file of a unix socket, as the program's user. */
function folderFindings({ listen = [] }: ProgramPlan, account: Account | undefined): LintFinding[] {
  if (account === undefined) return [];
  return listen.flatMap((address) => {
    const path = "path" in address ? address.path : undefined;
    const problem = path === undefined ? undefined : folderProblem(path, account);
    if (path === undefined || problem === undefined) return [];
    const fix = `install -d -o ${account.uid} ${dirname(path)}`;
    return [refuse("listen-folder", `it can not listen on ${path}: ${dirname(path)} ${problem}`, fix)];
  });
}

function folderProblem(path: string, account: Account): string | undefined {
  try {
    const closed = closedFolder(path, account);
    if (closed !== undefined) return `is not for ${account.name} to enter (${closed.path})`;
    const found = statSync(dirname(path));
    if (!found.isDirectory()) return "is no folder";
    return mayAccess(found, account, WRITE) ? undefined : `is not for ${account.name} to write to`;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "is not there";
    if (errnoOf(error) === undefined) throw error;
    // Not for this user to see.
    return undefined;
  }
}

/** Members that open a socket of their own each, for one port: SO_REUSEPORT. */
function sharesPort({ members, listen, health }: ProgramPlan): boolean {
  return members !== undefined && listen === undefined && health !== undefined;
}

/** Connections that wait in the queue of a SO_REUSEPORT socket are reset when it is closed, unless the kernel moves them. */
function queueFindings(): LintFinding[] {
  const value = ifThere("read", MIGRATE_FILE, () => readFileSync(MIGRATE_FILE, "utf8"));
  if (value?.trim() === "1") return [];
  const text =
    "net.ipv4.tcp_migrate_req is not 1: the kernel resets connections that wait for the old process when it goes";
  return [warn("migrate-requests", text, "sysctl -w net.ipv4.tcp_migrate_req=1 (Linux 5.14 and newer)")];
}
