/** Lines of a host as what they say. Nothing in them is believed: what does not fit comes back as a problem, in words. */
import { Reply } from "../../../agent/protocol.ts";
import { nestsDeeper } from "../../core/json-depth.ts";

/** No reply nests deeper than a dozen levels; a line of brackets would cost 600 MB to parse. */
const DEPTH_LIMIT = 64;
const SHOWN_CHARACTERS = 200;

/** What the loader says before the agent runs (docs/protocol.md). */
export type LoaderWord =
  | { readonly kind: "start" | "need" | "broken" }
  | { readonly kind: "too-old"; readonly node: string; readonly version: string };

/** What is none of its words counts as `broken`. */
export function readLoaderWord(text: string): LoaderWord {
  const { kind, node, version } = Object(parseJson(text)) as Readonly<Record<string, unknown>>;
  if (kind === "start" || kind === "need") return { kind };
  return kind === "too-old" ? { kind, node: textOf(node), version: textOf(version) } : { kind: "broken" };
}

export function readReply(line: string): Reply | { readonly problem: string } {
  const shown = line.slice(0, SHOWN_CHARACTERS);
  if (nestsDeeper(line, DEPTH_LIMIT)) return { problem: `nested more than ${DEPTH_LIMIT} levels deep: ${shown}` };
  const parsed = Reply.safeParse(parseJson(line));
  return parsed.success ? parsed.data : { problem: shown };
}

/** String() of an object asks the object, which may have come from a host. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "?";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
