/** `{current}` and the like, which the agent fills in: only it knows where they are. */
import { closest } from "../../closest.ts";
import { type Complaint, complain } from "./checked.ts";

const PLACES = ["current", "deploy_to", "shared", "run"] as const;

/**
 * Where a word stands. `command`: any unknown name in braces is a mistake. `check`: it may name the release that is to be
 * checked. `text`: braces are ordinary there, so only what looks like a slip of a placeholder is refused.
 */
export type PlaceholderUse = "command" | "check" | "text";

export function placeholderComplaint(word: string, use: PlaceholderUse): Complaint | undefined {
  const known: string[] = use === "check" ? [...PLACES, "release"] : [...PLACES];
  for (const match of word.matchAll(/\{([A-Za-z_]+)\}/g)) {
    const name = match[1] ?? "";
    if (known.includes(name)) continue;
    const meant = closest(name, known);
    if (use === "text" && meant === undefined) continue;
    if (name === "release") {
      return complain(
        "holds {release}, which is another one at each deploy",
        "write {current}, which leads to the release that serves",
        match.index,
      );
    }
    const suggestion =
      meant === undefined ? `${known.map((n) => `{${n}}`).join(", ")} are known` : `did you mean "{${meant}}"?`;
    return complain(`holds the unknown placeholder {${name}}`, suggestion, match.index);
  }
  return undefined;
}
