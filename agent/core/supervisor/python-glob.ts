/** Patterns as Python's glob and fnmatch know them, which `[include]` uses: `*`, `?`, `[…]`; `**` is only a `*`. */

/** Whether a part of a path has to be compared with a folder's entries. */
export function isPattern(part: string): boolean {
  return /[*?[]/.test(part);
}

/** `glob`'s own comparison of one part of a path: a name with a leading dot needs a pattern with one. */
export function matchesPart(name: string, pattern: string): boolean {
  return (pattern.startsWith(".") || !name.startsWith(".")) && matches([...name], translate(pattern));
}

/** What one place of a pattern takes: any number of characters (`*`), or one, of which a test is true. */
type Step = "*" | ((character: string) => boolean);

/** fnmatch.translate: no escapes; an unclosed `[` is itself; `[!…]` excludes; `]` right behind the `[` or `[!` is a member. */
function translate(pattern: string): Step[] {
  return Array.from(
    pattern.matchAll(/\*+|\?|\[(!|(?!!))(\][^\]]*|[^\]]+)\]|[\s\S]/gu),
    ([part, not, members]): Step => {
      if (part.startsWith("*")) return "*";
      if (part === "?") return () => true;
      if (members === undefined) return (character) => character === part;
      const set = new RegExp(translateSet(not === "!", members), "su");
      return (character) => set.test(character);
    },
  );
}

/** Not as one regular expression, which tries every way to share a name out among the stars of a pattern. */
function matches(name: readonly string[], steps: readonly Step[]): boolean {
  let at = 0;
  let star: { readonly at: number; taken: number } | undefined;
  for (let taken = 0; taken < name.length; ) {
    const step = steps[at];
    if (step === "*") star = { at: at++, taken };
    else if (step?.(name[taken] ?? "")) {
      at++;
      taken++;
    } else if (star === undefined) return false;
    else {
      // The last star takes one character more; those before it have taken as few as they could.
      at = star.at + 1;
      taken = ++star.taken;
    }
  }
  return steps.slice(at).every((step) => step === "*");
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
