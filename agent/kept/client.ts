/** The agent's end of a keeper's socket. A keeper that does not answer is a fact like another: every wait is bounded. */
import { connect, type Socket } from "node:net";
import * as z from "zod/mini";
import { ControlReply } from "../keeper/wire.ts";

/** For a question that the keeper answers by itself; a look at many processes takes it some 100 ms. */
const ANSWER_TIMEOUT_MS = 5_000;

export type KeeperState = Extract<ControlReply, { event: "state" }>;

/** Undefined: there is no keeper, or none that this user can talk to. */
export async function keeperState(path: string): Promise<KeeperState | undefined> {
  for await (const reply of conversation(path, "state", ANSWER_TIMEOUT_MS)) {
    return reply.event === "state" ? reply : undefined;
  }
  return undefined;
}

/** Ends what is not ready, and gives up a reload that still waits for its turn. */
export async function abortReload(path: string): Promise<void> {
  for await (const _ of conversation(path, "abort", ANSWER_TIMEOUT_MS)) return;
}

/**
 * Sends one request and gives each answer to it as it comes. Ends without another answer when the keeper goes, says
 * something that can not be read, or `timeoutMs` have passed since the last one.
 */
export async function* conversation(path: string, verb: string, timeoutMs: number): AsyncGenerator<ControlReply> {
  const socket = connect(path);
  try {
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.write(`${JSON.stringify({ id: 1, verb })}\n`);
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
