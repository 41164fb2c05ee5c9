/** A question on the terminal, with an answer that Enter takes. */
import { createInterface } from "node:readline/promises";
import { ZdrError } from "../failure.ts";

export interface Asking {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/**
 * Needs a terminal at stdin and stderr.
 * @throws ZdrError `interrupted` at Ctrl-C, which readline takes for itself so that no signal comes, and at Ctrl-D
 */
export async function ask(question: string, suggestion: string, asking?: Asking): Promise<string> {
  const terminal = createInterface({ ...(asking ?? { input: process.stdin, output: process.stderr }), terminal: true });
  // Node 24 rejects the question where readline is closed; before, it was never settled.
  const closed = new Promise<never>((_, reject) => {
    terminal.once("close", () => reject(new ZdrError({ kind: "interrupted", signal: "SIGINT" })));
  });
  try {
    const asked = terminal.question(`${question} [${suggestion}]: `).catch((error: unknown) => {
      if (error instanceof Error && error.name === "AbortError") return closed;
      throw error;
    });
    const answer = await Promise.race([asked, closed]);
    return answer.trim() === "" ? suggestion : answer.trim();
  } finally {
    terminal.close();
  }
}
