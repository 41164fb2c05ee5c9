/** What may come next on a command line that is being typed. */
import { PRESET_NAMES } from "../../../agent/wire/plan.ts";
import type { ArgumentInfo, FlagInfo, ProgramTree, VerbInfo } from "./tree.ts";

/** What deploy.yml and its folder know; asked for only where it is needed. */
export interface Known {
  readonly hosts: readonly string[];
  readonly roles: readonly string[];
  readonly labels: readonly string[];
  readonly programs: readonly string[];
  readonly environments: readonly string[];
  readonly tags: readonly string[];
  readonly keys: readonly string[];
  readonly samples: readonly string[];
}

export interface Candidate {
  readonly text: string;
  readonly help: string;
}

/** In place of candidates: the shell knows better. */
export const FILES = "files";

/** What values a flag or an argument has, by its name. */
const KINDS: Readonly<Record<string, keyof Known | typeof FILES | readonly string[]>> = {
  "--host": "hosts",
  "--role": "roles",
  "--label": "labels",
  "--environment": "environments",
  "--tag": "tags",
  "--to": "tags",
  "--config": FILES,
  "--junit": FILES,
  "--write": FILES,
  "--output": FILES,
  "--sample": "samples",
  "--reload": PRESET_NAMES,
  "--ci": ["github", "gitlab"],
  program: "programs",
  tag: "tags",
  deploy: "tags",
  host: "hosts",
  key: "keys",
  shell: ["bash", "zsh", "fish"],
};

/** `words`: all behind `zdr`, the last one as far as it has been typed. */
export function complete(tree: ProgramTree, words: readonly string[], known: () => Known): Candidate[] | typeof FILES {
  const typed = words.at(-1) ?? "";
  const [name] = words;
  if (words.length <= 1) {
    const verbs = tree.verbs.map((verb) => ({ text: verb.name, help: verb.summary }));
    return starting(typed, typed.startsWith("-") ? flagsOf(tree.flags) : verbs);
  }
  const verb = tree.verbs.find((one) => one.name === name);
  if (verb === undefined) return [];
  const before = words.slice(1, -1);
  const taking = flagThatTakes(verb, before);
  if (typed.startsWith("-")) return starting(typed, flagsOf(verb.flags));
  if (taking !== undefined) return valuesOf(taking.long, typed, known);
  const argument = argumentAt(verb, before);
  return argument === undefined ? [] : valuesOf(argument.name, typed, known, new Set(before));
}

function valuesOf(
  name: string,
  typed: string,
  known: () => Known,
  used: ReadonlySet<string> = new Set(),
): Candidate[] | typeof FILES {
  const kind = name === "--except" ? "hosts" : KINDS[name];
  if (kind === undefined) return [];
  if (kind === FILES) return FILES;
  const texts = typeof kind === "string" ? known()[kind] : kind;
  const more = name === "--except" ? known().roles : [];
  const all = [...texts, ...more].filter((text) => !used.has(text));
  return starting(
    typed,
    all.map((text) => ({ text, help: "" })),
  );
}

/** The flag whose value is being typed. */
function flagThatTakes({ flags }: VerbInfo, before: readonly string[]): FlagInfo | undefined {
  const at = before.findLastIndex((word) => word.startsWith("-"));
  const typed = before[at];
  const flag = typed === undefined ? undefined : flags.find(({ long, short }) => typed === long || typed === short);
  if (flag?.value === undefined) return undefined;
  return flag.isMany || at === before.length - 1 ? flag : undefined;
}

/** Which of the verb's arguments stands behind these words. */
function argumentAt(verb: VerbInfo, before: readonly string[]): ArgumentInfo | undefined {
  let count = 0;
  let takes = false;
  for (const word of before) {
    const flag = verb.flags.find(({ long, short }) => word === long || word === short);
    if (flag !== undefined) takes = flag.value !== undefined;
    else if (takes) takes = false;
    else count++;
  }
  const last = verb.arguments.at(-1);
  return verb.arguments[count] ?? (last?.isMany ? last : undefined);
}

function flagsOf(flags: readonly FlagInfo[]): Candidate[] {
  return flags.map(({ long, help }) => ({ text: long, help }));
}

function starting(typed: string, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(({ text }) => text.startsWith(typed));
}
