/** A question on the terminal, with an answer that Enter takes. */
import { createInterface } from "node:readline/promises";
import { ZdrError } from "../failure.ts";

export interface Asking {
  /** A terminal that moves no cursor (TERM=dumb): it is left to edit its lines itself. Then Ctrl-C comes as a signal. */
  readonly isDumb?: boolean;
  /** Ends the question as Ctrl-C does. */
  readonly abort?: AbortSignal;
  readonly input?: NodeJS.ReadableStream;
  readonly output?: NodeJS.WritableStream;
}

/**
 * Needs a terminal at stdin and stderr.
 * @throws ZdrError `interrupted` at Ctrl-C, which readline takes for itself so that no signal comes, and at Ctrl-D
 */
export async function ask(question: string, suggestion: string, asking: Asking = {}): Promise<string> {
  const { input = process.stdin, output = process.stderr, abort, isDumb = false } = asking;
  const terminal = createInterface({ input, output, terminal: !isDumb });
  const giveUp = () => terminal.close();
  let isAnswered = false;
  // Node 24 rejects the question where readline is closed; before, it was never settled.
  const closed = new Promise<never>((_, reject) => {
    terminal.once("close", () => reject(new ZdrError({ kind: "interrupted", signal: "SIGINT" })));
  });
  abort?.addEventListener("abort", giveUp);
  if (abort?.aborted === true) giveUp();
  try {
    const asked = terminal.question(`${question} [${suggestion}]: `).catch((error: unknown) => {
      if (error instanceof Error && error.name === "AbortError") return closed;
      throw error;
    });
    const answer = await Promise.race([asked, closed]);
    isAnswered = true;
    return answer.trim() === "" ? suggestion : answer.trim();
  } finally {
    abort?.removeEventListener("abort", giveUp);
    // What is said next begins on a line of its own.
    if (!isAnswered) output.write("\n");
    terminal.close();
  }
}
