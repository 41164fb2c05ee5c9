/** Patterns as Python's glob and fnmatch know them, which `[include]` uses: `*`, `?`, `[…]`; `**` is only a `*`. */

/** Whether a part of a path has to be compared with a folder's entries. */
export function isPattern(part: string): boolean {
  return /[*?[]/.test(part);
}

/** `glob`'s own comparison of one part of a path: a name with a leading dot needs a pattern with one. */
export function matchesPart(name: string, pattern: string): boolean {
  return (pattern.startsWith(".") || !name.startsWith(".")) && translate(pattern).test(name);
}

/** fnmatch.translate: no escapes; an unclosed `[` is itself; `[!…]` excludes; `]` right behind the `[` is a member. */
function translate(pattern: string): RegExp {
  const source = pattern.replace(/\*+|\?|\[(!?)(\]?[^\]]*)\]|[\s\S]/gu, (part, not?: string, members?: string) => {
    if (part.startsWith("*")) return ".*";
    if (part === "?") return ".";
    if (members !== undefined && part.length > 2) return translateSet(not === "!", members);
    return escapeLiteral(part);
  });
  return new RegExp(`^(?:${source})$`, "su");
}

function translateSet(isExcluding: boolean, members: string): string {
  const items = [...members];
  const parts: string[] = [];
  for (let at = 0; at < items.length; at++) {
    const from = items[at] ?? "";
    const to = items[at + 1] === "-" ? items[at + 2] : undefined;
    if (to === undefined) parts.push(escapeLiteral(from));
    // A range that runs backwards holds nothing, as in Python.
    else if ((from.codePointAt(0) ?? 0) <= (to.codePointAt(0) ?? 0))
      parts.push(`${escapeLiteral(from)}-${escapeLiteral(to)}`);
    if (to !== undefined) at += 2;
  }
  if (parts.length === 0) return isExcluding ? "." : "(?!)";
  return `[${isExcluding ? "^" : ""}${parts.join("")}]`;
}

function escapeLiteral(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (character) => `\\${character === "-" ? "x2d" : character}`);
}
