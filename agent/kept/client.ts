/** The agent's end of a keeper's socket. A keeper that does not answer is a fact like another: every wait is bounded. */
import { statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname } from "node:path";
import * as z from "zod/mini";
import { SET_GROUP_ID } from "../core/layout.ts";
import { parseProveAnswer } from "../core/process/prove-answer.ts";
import { formatProveRequest } from "../core/process/prove-text.ts";
import { ifThere } from "../io/files.ts";
import type { Prover } from "../io/process/prover.ts";
import { ControlReply } from "../keeper/wire.ts";

/** For a question that the keeper answers by itself; a look at many processes takes it some 100 ms. */
const ANSWER_TIMEOUT_MS = 5_000;
/** Of one line: some 512 processes with 256 sockets each. A keeper is another user's, and may say anything. */
const LINE_LIMIT = 4 * 1024 * 1024;

export type KeeperState = Extract<ControlReply, { event: "state" }>;

/** Undefined: there is no keeper, or none that this user can talk to. */
export async function keeperState(path: string): Promise<KeeperState | undefined> {
  for await (const reply of conversation(path, "state", ANSWER_TIMEOUT_MS)) {
    return reply.event === "state" ? reply : undefined;
  }
  return undefined;
}

/**
 * The keeper as one who may look where the agent may not: it runs as the program's user, and so has the rights to look into
 * the program, and as much reason to lie about it.
 */
export function keeperWitness(path: string): Pick<Prover, "ask"> {
  return {
    async ask(pids, roots) {
      const question = formatProveRequest({ pids, roots });
      for await (const reply of conversation(path, "prove", ANSWER_TIMEOUT_MS, { question })) {
        return reply.event === "proof" ? parseProveAnswer(reply.answer) : undefined;
      }
      return undefined;
    },
  };
}

/** Whether a keeper of another user, once it runs, will have its socket where this user may write to it: `setup` sees to that. */
export function mayHearKeeper(path: string): boolean {
  const folder = dirname(path);
  const found = ifThere("look at", folder, () => statSync(folder));
  if (found === undefined || (found.mode & SET_GROUP_ID) === 0) return false;
  return [process.getgid?.(), ...(process.getgroups?.() ?? [])].includes(found.gid);
}

/** What of the program its keeper has started otherwise than `spec` says, as names; undefined: nobody can tell. */
export async function keeperDifferences(path: string, spec: string): Promise<readonly string[] | undefined> {
  for await (const reply of conversation(path, "compare", ANSWER_TIMEOUT_MS, { question: spec })) {
    return reply.event === "compared" ? reply.differs : undefined;
  }
  return undefined;
}

/** Ends what is not ready, and gives up a reload that still waits for its turn. */
export async function abortReload(path: string): Promise<void> {
  for await (const _ of conversation(path, "abort", ANSWER_TIMEOUT_MS)) return;
}

/** Tells that the program has heard that it is to hand over. An older keeper does not know the word, and gives it all of its time. */
export async function tellAsked(path: string): Promise<void> {
  for await (const _ of conversation(path, "asked", ANSWER_TIMEOUT_MS)) return;
}

/**
 * Sends one request and gives each answer to it as it comes. Ends without another answer when the keeper goes, says
 * something that can not be read, or `timeoutMs` have passed since the last one.
 */
export async function* conversation(
  path: string,
  verb: string,
  timeoutMs: number,
  more: Readonly<Record<string, string>> = {},
): AsyncGenerator<ControlReply> {
  const socket = connect(path);
  try {
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.write(`${JSON.stringify({ id: 1, verb, ...more })}\n`);
    for await (const line of linesOf(socket)) {
      const reply = parseReply(line);
      if (reply === undefined) return;
      yield reply;
    }
  } finally {
    socket.destroy();
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let rest = "";
  try {
    for await (const text of socket.setEncoding("utf8")) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > LINE_LIMIT) return;
      yield* lines;
    }
  } catch {
    // Nobody listens, or the connection broke: there are no more answers.
  }
}

function parseReply(line: string): ControlReply | undefined {
  try {
    return z.parse(ControlReply, JSON.parse(line));
  } catch {
    return undefined;
  }
}
