/** The file that holds a project's sections: made, known again, and changed section by section. */
import { FILE_HEADER } from "../../../templates/supervisor/program.ts";
import type { RenderedSection } from "../section.ts";

const [FIRST_LINE = ""] = FILE_HEADER.split("\n");

/** Whether `setup` wrote this file. */
export function isOwnFile(content: string): boolean {
  return content.startsWith(`${FIRST_LINE}\n`);
}

/** `content` with these sections put in place of those of the same name, or behind them; all else stays as it is. */
export function withSections(content: string | undefined, sections: readonly RenderedSection[]): string {
  const [head = "", ...parts] = (content ?? FILE_HEADER).split(/^(?=\[)/m);
  const chunks = new Map(parts.map((part) => [/^\[(.+)\]/.exec(part)?.[1] ?? part, part]));
  for (const { name, text } of sections) {
    // A program is of one kind: what supervisord listens for, or not.
    chunks.delete(name.startsWith("fcgi-") ? name.slice("fcgi-".length) : `fcgi-${name}`);
    chunks.set(name, text);
  }
  return `${[head, ...chunks.values()].map((chunk) => chunk.trimEnd()).join("\n\n")}\n`;
}
