/** Who supervisord and its programs run as, and what the modes of files let them do. */
import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { HostContext } from "../context.ts";
import { AgentError } from "../core/failure.ts";
import { readProcess } from "../io/process/processes.ts";
import type { ProgramPlan } from "../wire/plan.ts";

/** id(1) may ask a directory server. */
const ANSWER_TIMEOUT_MS = 5_000;

export interface SupervisorFacts {
  readonly pid: number;
  readonly uid: number;
}

export async function supervisorFacts(context: HostContext): Promise<SupervisorFacts> {
  const pid = await context.supervisor.getPID();
  return { pid, uid: readProcess(pid)?.uid ?? 0 };
}

export interface Account {
  /** As it is written in messages. */
  readonly name: string;
  readonly uid: number;
  readonly gids: ReadonlySet<number>;
  /** Its first group; undefined: this host has no name for the user. */
  readonly gid: number | undefined;
}

/** One of the three bits of a class of users (inode(7)). */
export const READ = 4;
export const WRITE = 2;
export const EXECUTE = 1;

interface Owned {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/**
 * Undefined: there is no such user. Only a supervisord that is root starts programs as somebody else.
 *
 * @throws AgentError `user-silent`
 */
export async function programAccount(context: HostContext, program: ProgramPlan): Promise<Account | undefined> {
  return accountFor((await supervisorFacts(context)).uid, program);
}

/** The same, where supervisord's uid is known already. */
export function accountFor(uid: number, { user }: ProgramPlan): Promise<Account | undefined> {
  return accountOf(uid === 0 && user !== undefined ? user : String(uid));
}

/**
 * Those that were found: what the pre-flight has asked is not asked again behind the flip, where a directory of users that is
 * away by then would keep a release from being put back.
 */
const found = new Map<string, Account>();

async function accountOf(user: string): Promise<Account | undefined> {
  const account = found.get(user) ?? (await lookUp(user));
  if (account !== undefined) found.set(user, account);
  return account;
}

async function lookUp(user: string): Promise<Account | undefined> {
  const own = process.getuid?.() ?? 0;
  if (user === String(own)) {
    const gids = new Set(process.getgroups?.() ?? []);
    return { name: `uid ${own}`, uid: own, gids, gid: process.getgid?.() };
  }
  // id(1) asks wherever this host keeps its users, and takes a uid for a name.
  const [uid, gids, [gid]] = await Promise.all([numbersOf("-u", user), numbersOf("-G", user), numbersOf("-g", user)]);
  // supervisor takes a uid as well, and a container may well have no name for it.
  const known = uid[0] ?? (/^\d+$/.test(user) ? Number(user) : undefined);
  return known === undefined ? undefined : { name: `user ${user}`, uid: known, gids: new Set(gids), gid };
}

function numbersOf(option: string, user: string): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const asked = execFile("id", [option, "--", user], (error, stdout) => {
      clearTimeout(timer);
      resolve(error === null ? stdout.trim().split(/\s+/).map(Number) : []);
    });
    // Not execFile's own, which waits for the end of what it has killed.
    const timer = setTimeout(() => {
      asked.kill("SIGKILL");
      reject(new AgentError({ reason: "user-silent", user, timeoutMs: ANSWER_TIMEOUT_MS }));
    }, ANSWER_TIMEOUT_MS);
  });
}

/** path_resolution(7): the first class that fits decides, and root needs an x bit of anybody's to execute. */
export function mayAccess(
  file: Owned,
  { uid, gids }: Account,
  bit: typeof READ | typeof WRITE | typeof EXECUTE,
): boolean {
  if (uid === 0) return bit !== EXECUTE || (file.mode & 0o111) !== 0;
  if (file.uid === uid) return (file.mode & (bit << 6)) !== 0;
  if (gids.has(file.gid)) return (file.mode & (bit << 3)) !== 0;
  return (file.mode & bit) !== 0;
}

export interface ClosedFolder {
  readonly path: string;
  readonly mode: number;
}

/** The uppermost folder on the way to `path` that the account may not pass; undefined: it gets there. */
export function closedFolder(path: string, account: Account): ClosedFolder | undefined {
  const folder = dirname(path);
  const above = folder === path ? undefined : closedFolder(folder, account);
  if (above !== undefined) return above;
  const found = statSync(folder);
  return mayAccess(found, account, EXECUTE) ? undefined : { path: folder, mode: found.mode & 0o7777 };
}
