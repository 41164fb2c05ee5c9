/**
 * One question to a program, on a connection of its own. A kept connection may be one that the server is closing just
 * now, as uwsgi does after each answer and a draining server does with all of them: then the question fails by chance.
 */

export interface Answer {
  readonly status: number;
  /** Trimmed. */
  readonly text: string;
  /** Header X-Release. */
  readonly release: string | null;
}

/** Of one whole answer, on a machine that is busy with other things as well. */
const PATIENCE_MS = 30_000;

export async function answerAt(url: string, patienceMs = PATIENCE_MS): Promise<Answer> {
  const response = await fetch(url, { headers: { connection: "close" }, signal: AbortSignal.timeout(patienceMs) });
  const text = (await response.text()).trim();
  return { status: response.status, text, release: response.headers.get("x-release") };
}

export async function textAt(url: string): Promise<string> {
  return (await answerAt(url)).text;
}
