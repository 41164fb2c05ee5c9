/**
 * The helper that looks with root's rights: a question a line, an answer a line, until the end of stdin.
 *
 * - It reads /proc and nothing else; it writes stdout and nothing else; it takes no arguments and no environment.
 * - It tells numbers: devices, inodes, ticks, yes and no. No string of any process leaves it.
 * - It ends by itself: when stdin does, when a line is too long, and when one question takes too long.
 */
import type { Readable, Writable } from "node:stream";
import { formatProveAnswer, PROVE_LINE_LIMIT, parseProveRequest } from "../../core/process/prove-text.ts";
import { look } from "./evidence.ts";
import { listeningSockets } from "./listening.ts";

/** A file system that hangs under a process's cwd must not keep a process of root's for ever. */
const QUESTION_TIMEOUT_MS = 10_000;

/** Resolves when there is nothing more to answer; `giveUp` is called when one question takes too long. */
export async function answerQuestions(input: Readable, output: Writable, root: string, giveUp: () => void) {
  let pending = "";
  for await (const chunk of input) {
    const lines = (pending + String(chunk)).split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) {
      const timer = setTimeout(giveUp, QUESTION_TIMEOUT_MS);
      output.write(`${await answer(line, root)}\n`);
      clearTimeout(timer);
    }
    if (pending.length > PROVE_LINE_LIMIT) return;
  }
}

async function answer(line: string, root: string): Promise<string> {
  const request = parseProveRequest(line);
  if (request === undefined) return formatProveAnswer(undefined);
  const listening = listeningSockets(root);
  const looks = [];
  for (const pid of request.pids) looks.push(await look(pid, request.roots, listening, root));
  return formatProveAnswer(looks);
}
