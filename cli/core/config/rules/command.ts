/** `command:` and `check:`, as a line or as a list of words. */

import { type Checked, type Complaint, complain } from "./checked.ts";
import { splitCommand } from "./command-words.ts";
import { type PlaceholderUse, placeholderComplaint } from "./placeholders.ts";

/** Found in PATH by a shell, but a relative first word stands under `current/`. */
const USUAL_PROGRAMS = new Set(
  "bash bundle bun daphne deno env gunicorn hypercorn java nginx node npm npx perl php poetry puma python python3 ruby sh uv uvicorn uwsgi".split(
    " ",
  ),
);

export type CommandUse = Exclude<PlaceholderUse, "text">;

/** argv. A relative first word stands under `current/`; placeholders stay, the agent fills them in. */
export function checkCommand(input: string | readonly string[], use: CommandUse): Checked<string[]> {
  if (typeof input !== "string") return checkWords([...input], use);
  const words = splitCommand(input);
  if ("problem" in words) return words;
  const complaint = placeholderComplaint(input, use);
  return complaint ?? checkWords(words.ok, use);
}

function checkWords(words: string[], use: CommandUse): Checked<string[]> {
  const [first] = words;
  if (first === undefined) return complain("is empty");
  const found = words
    .map((word, index) => wordComplaint(word, index, use))
    .find((complaint) => complaint !== undefined);
  return found ?? firstWordComplaint(first) ?? { ok: words };
}

function wordComplaint(word: string, index: number, use: CommandUse): Complaint | undefined {
  const complaint = /[\p{Cc}\p{Cs}]/u.test(word)
    ? complain("holds a control character")
    : placeholderComplaint(word, use);
  return complaint && { ...complaint, at: [index] };
}

function firstWordComplaint(first: string): Complaint | undefined {
  if (first === "") return complain("has an empty first word");
  if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(first)) {
    return complain("begins with a variable, but no shell reads this command", "put it under environment:");
  }
  if (first.startsWith("~")) return complain("begins with ~, which is not expanded", "write the whole path");
  const path = first.replace(/^(?:\{(?:current|deploy_to)\}\/|\.\/)+/, "");
  if (path.split("/").includes("..")) return complain('holds "..", which leads out of the release');
  if (/^releases(?:\/|$)/.test(path)) {
    return complain(
      "names a release, and would start it for ever",
      "name the program relative to the release, such as bin/shop",
    );
  }
  if (!USUAL_PROGRAMS.has(first)) return undefined;
  return complain(
    `would start current/${first}, since a relative first word stands under current/`,
    `write the whole path of ${first}, or "./${first}" if it comes with the build`,
  );
}
