/** A question on the terminal, with an answer that Enter takes. */
import { createInterface } from "node:readline/promises";

/** Needs a terminal at stdin and stderr. */
export async function ask(question: string, suggestion: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [${suggestion}]: `);
    return answer.trim() === "" ? suggestion : answer.trim();
  } finally {
    terminal.close();
  }
}
