/** The output of a command on a host, which comes in pieces, as whole lines; and what several hosts' ends come to. */

/** Of a line that does not end: a host that never breaks one must not fill the operator's memory. */
export const LONGEST_LINE_CHARACTERS = 64 * 1024;

/**
 * Gives each line of a stream once it is whole; what is left when the stream ends is a line too. One that grows longer than
 * LONGEST_LINE_CHARACTERS before it ends is given in pieces.
 */
export class LineCutter {
  #rest = "";

  take(text: string): string[] {
    const lines = (this.#rest + text).split("\n");
    let rest = lines.pop() ?? "";
    while (rest.length > LONGEST_LINE_CHARACTERS) {
      const piece = rest.slice(0, endOfPiece(rest));
      lines.push(piece);
      rest = rest.slice(piece.length);
    }
    this.#rest = rest;
    return lines;
  }

  end(): string[] {
    const rest = this.#rest;
    this.#rest = "";
    return rest === "" ? [] : [rest];
  }
}

/** Not between the two halves of a character. */
function endOfPiece(text: string): number {
  const last = text.charCodeAt(LONGEST_LINE_CHARACTERS - 1);
  return last >= 0xd800 && last < 0xdc00 ? LONGEST_LINE_CHARACTERS - 1 : LONGEST_LINE_CHARACTERS;
}

export interface CommandEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly problem?: string | undefined;
}

/** bash(1), EXIT STATUS. */
const NOT_STARTED = 127;
const BY_SIGNAL = 128;
/** As a command here that SIGPIPE ends. */
export const UNREAD = BY_SIGNAL + 13;

/**
 * 0 where it was 0 everywhere; what it was where all that differ from that agree; 1 where they do not.
 * `numberOf`: of a signal.
 */
export function combinedExit(ends: readonly CommandEnd[], numberOf: (signal: string) => number): number {
  const codes = new Set(ends.map((end) => codeOf(end, numberOf)).filter((code) => code !== 0));
  const [only = 0] = codes;
  return codes.size > 1 ? 1 : only;
}

function codeOf({ code, signal, problem }: CommandEnd, numberOf: (signal: string) => number): number {
  if (problem !== undefined) return NOT_STARTED;
  return signal === null ? (code ?? 1) : BY_SIGNAL + numberOf(signal);
}
