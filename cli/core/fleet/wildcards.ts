/** Names by patterns in which only `*` and `?` mean something: hosts of known_hosts and of --host, files of an Include. */

/**
 * Whether a whole name fits a pattern. Not by a regular expression, which tries every way to share a name out among the
 * stars of a pattern.
 */
export function matchesWildcards(name: string, pattern: string): boolean {
  let at = 0;
  let star: { readonly at: number; taken: number } | undefined;
  for (let taken = 0; taken < name.length; ) {
    const wanted = pattern.charAt(at);
    if (wanted === "*") star = { at: at++, taken };
    else if (wanted === "?" || wanted === name.charAt(taken)) {
      at++;
      taken++;
    } else if (star === undefined) return false;
    else {
      // The last star takes one character more; those before it have taken as few as they could.
      at = star.at + 1;
      taken = ++star.taken;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
