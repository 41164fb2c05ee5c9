/** One look at the program's processes: who is there, who accepts. */
import { statSync } from "node:fs";
import type { ProcessFacts } from "../core/process/inspection.ts";
import { formatProveAnswer, parseProveRequest } from "../core/process/prove-text.ts";
import { openConnections } from "../io/process/connections.ts";
import { look } from "../io/process/evidence.ts";
import { type ListeningSockets, listeningSockets } from "../io/process/listening.ts";
import { PROC } from "../io/process/processes.ts";
import { needsAccept } from "./machine/family.ts";
import type { Generation, Member, State } from "./machine/model.ts";
import { type Found, findMembers, type Search } from "./members.ts";
import type { GenerationState } from "./wire.ts";

/** `all`: each process is asked whether it accepts; otherwise those of which the machine has to know. */
export async function lookAround(
  search: Search,
  all: boolean,
  state: State,
  ownSockets: ReadonlySet<bigint> | undefined,
): Promise<Member[]> {
  // With `socket` only the keeper's own sockets count, and no table of all connections has to be read.
  const listening = ownSockets === undefined ? listeningSockets(PROC) : () => ownSockets;
  const members: Member[] = [];
  for (const found of findMembers(search)) {
    const member = await withAccepts(found, all, state, listening);
    if (member !== undefined) members.push(member);
  }
  return members;
}

/** Undefined: it has ended while it was looked at. */
async function withAccepts(
  found: Found,
  all: boolean,
  state: State,
  listening: ListeningSockets,
): Promise<Member | undefined> {
  const unasked: Member = { ...found, accepts: "unasked" };
  if (found.isDead) return unasked;
  if (!all && !needsAccept(state, unasked)) return unasked;
  const seen = await look(found.pid, [], listening, PROC);
  if (seen.outcome === "gone") return undefined;
  return { ...found, accepts: seen.outcome === "denied" ? "unknown" : acceptsOf(seen.facts) };
}

/**
 * `unknown` is for what the kernel hides. An io_uring hides nothing here: each Node has one and never accepts by it, and a
 * Node that hangs before it listens must not pass for ready. So a program that accepts by io_uring alone is never seen.
 */
function acceptsOf({ accepts, isPartial }: ProcessFacts): Member["accepts"] {
  return accepts === "unknown" && !isPartial ? "no" : accepts;
}

/** What a client is told of a generation. */
export function generationState(generation: Generation, members: readonly Member[]): GenerationState {
  const { pid, startTicks, stage, isLate } = generation;
  const connections = stage === "draining" ? openConnections(members.map((member) => member.pid)) : undefined;
  const [exe, cwd] = [identityAt(`${PROC}/${pid}/exe`), identityAt(`${PROC}/${pid}/cwd`)];
  return {
    ...{ pid, startTicks, stage, ready: stage === "ready", draining: stage === "draining", late: isLate },
    accepting: members.filter(({ accepts }) => accepts === "yes").map((member) => member.pid),
    ...(connections === undefined ? {} : { connections }),
    ...(exe === undefined ? {} : { exe }),
    ...(cwd === undefined ? {} : { cwd }),
  };
}

function identityAt(link: string): [string, string] | undefined {
  try {
    const { dev, ino } = statSync(link, { bigint: true });
    return [`${dev}`, `${ino}`];
  } catch {
    return undefined;
  }
}

/** Answers a question of the prover's, about any process that the keeper's user may look into. */
export async function proveFor(question: string): Promise<string> {
  const request = parseProveRequest(question);
  if (request === undefined) return formatProveAnswer(undefined);
  const listening = listeningSockets(PROC);
  const looks = [];
  for (const pid of request.pids) looks.push(await look(pid, request.roots, listening, PROC));
  return formatProveAnswer(looks);
}
