/**
 * HTML that is put together safely: whatever stands in a template's `${}` is text, unless it was made by a template itself.
 *
 * - No text can become markup, in an element or in a quoted attribute; control characters and what turns the direction of
 *   writing are written out, as on a terminal.
 * - JSON in a script element can end neither that element nor begin a comment in it.
 */
import { escapeInJson, sanitizeLines } from "../report/sanitize.ts";

export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | undefined | false | readonly Part[];

/** Undefined and false are nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, index) => (index === 0 ? text : `${textOf(parts[index - 1])}${text}`)).join(""));
}

function textOf(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "string" || typeof part === "number") return escapeHtml(String(part));
  return part.map(textOf).join("");
}

export function escapeHtml(text: string): string {
  return sanitizeLines(text).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** For `<script type="application/json">`. */
export function jsonForScript(data: unknown): Html {
  const json = JSON.stringify(data).replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
  return new Html(escapeInJson(json));
}
