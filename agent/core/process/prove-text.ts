/**
 * What the agent asks the root-owned helper, and what that answers: one JSON line each, numbers only. Written by hand,
 * because the helper is root's and should be short enough to read; the agent's side is in prove-answer.ts.
 */
import type { AcceptsBy } from "./accepting.ts";
import type { FileIdentity, Look, OpenFile } from "./inspection.ts";

export const PROVE_VERSION = 1;
/** Bytes of one request line. */
export const PROVE_LINE_LIMIT = 64 * 1024;
export const PROVE_PID_LIMIT = 512;
export const PROVE_ROOT_LIMIT = 512;
/** Listening sockets told of one process. */
const HOLDS_LIMIT = 256;

/** Position in this list is what travels. */
export const ACCEPTS = ["no", "yes", "unknown"] as const;
export const ACCEPTS_BY: readonly AcceptsBy[] = ["epoll", "accept", "select", "poll", "worker"];

export interface ProveRequest {
  readonly pids: readonly number[];
  readonly roots: readonly FileIdentity[];
}

/** `{"v":1,"pids":[4711],"roots":[["64768","1234"]]}`: device and inode in decimal, as JSON's numbers end at 2^53. */
export function formatProveRequest(request: ProveRequest): string {
  const roots = request.roots.map((root) => [`${root.dev}`, `${root.ino}`]);
  return JSON.stringify({ v: PROVE_VERSION, pids: request.pids, roots });
}

/** Undefined: anything but exactly such a request, within the limits. */
export function parseProveRequest(line: string): ProveRequest | undefined {
  if (line.length > PROVE_LINE_LIMIT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("v" in value && "pids" in value && "roots" in value) || value.v !== PROVE_VERSION) return undefined;
  const pids = listOf(value.pids, PROVE_PID_LIMIT, pidOf);
  const roots = listOf(value.roots, PROVE_ROOT_LIMIT, identityOf);
  return pids === undefined || roots === undefined ? undefined : { pids, roots };
}

/** `{"v":1,"looks":[…]}`; a refused request is answered `{"v":1,"looks":null}`. */
export function formatProveAnswer(looks: readonly Look[] | undefined): string {
  return JSON.stringify({ v: PROVE_VERSION, looks: looks?.map(lookInNumbers) ?? null });
}

/** `seen`: 0 gone, 1 denied, 2 seen. */
function lookInNumbers(look: Look): Record<string, unknown> {
  if (look.outcome === "gone") return { pid: look.pid, seen: 0 };
  if (look.outcome === "denied") return { pid: look.pid, seen: 1, startTicks: look.startTicks, uid: look.uid };
  const { pid, startTicks, ppid, uid, exe, cwd, cwdRoot, holds, accepts, by, isPartial } = look.facts;
  return {
    ...{ pid, seen: 2, startTicks, ppid, uid, cwdRoot, isPartial },
    exe: openFileInNumbers(exe),
    cwd: openFileInNumbers(cwd),
    holds: holds.slice(0, HOLDS_LIMIT).map(String),
    accepts: ACCEPTS.indexOf(accepts),
    by: by === undefined ? -1 : ACCEPTS_BY.indexOf(by),
  };
}

function openFileInNumbers(file: OpenFile): [string, string, number] {
  return [`${file.dev}`, `${file.ino}`, file.isDeleted ? 1 : 0];
}

function listOf<T>(value: unknown, limit: number, parse: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value) || value.length > limit) return undefined;
  const items = value.flatMap((item) => parse(item) ?? []);
  return items.length === value.length ? items : undefined;
}

/** Up to PID_MAX_LIMIT of include/linux/threads.h. */
function pidOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 4_194_304 ? value : undefined;
}

function identityOf(value: unknown): FileIdentity | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [dev, ino]: unknown[] = value;
  return isDecimal(dev) && isDecimal(ino) ? { dev: BigInt(dev), ino: BigInt(ino) } : undefined;
}

function isDecimal(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,20}$/.test(value);
}
