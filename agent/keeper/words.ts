/** What the keeper writes into the program's log: one line for each thing that somebody may look for there. */
import type { Note, Status } from "./machine/model.ts";

export function wordsOf(note: Note): string {
  switch (note.note) {
    case "ready":
      return `pid ${note.pid} is ready`;
    case "late":
      return `pid ${note.pid} has not accepted in time`;
    case "adopted":
      return `pid ${note.pid} has taken over`;
    case "over-limit":
      return `pid ${note.pid} has not drained in time and is ended`;
    case "left":
      return `pid ${note.pid} has not drained in time and is left to it`;
    case "gone":
      return `pid ${note.pid} has ended${statusWords(note.status)}`;
    case "failed":
      return `no new generation: ${note.reason}${note.detail === undefined ? "" : `: ${note.detail}`}`;
    case "again":
      return `starting again${note.delayMs === 0 ? "" : ` in ${note.delayMs} ms`}, crash ${note.crashes} in a row`;
    case "stopping":
      return "stopping";
    case "holding":
      return "the program has ended in a reload, waiting for the word of who asked for it";
    case "giving-up":
      return "too many crashes in a row, giving up";
  }
}

function statusWords(status: Status): string {
  if (status === "unknown") return "";
  return "code" in status ? ` with status ${status.code}` : ` by signal ${status.signal}`;
}
