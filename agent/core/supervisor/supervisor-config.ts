/**
 * supervisord.conf: its sections as supervisor reads them, and what supervisorctl takes from them.
 *
 * npm `ini` does the parsing, and this is the only door to it. On raw text it loses `key: value`, headers with a
 * comment, everything behind `;` and `#`, continued lines and dots in names, so the text is first brought into a form
 * that means the same to both: one line per option, names and values as JSON strings (which ini unquotes), dots escaped.
 */
import { parse } from "ini";
import type { ConfigBlock } from "./config-lines.ts";
import { ConfigSyntaxError, readBlocks } from "./config-lines.ts";
import { splitBlanks } from "./python-text.ts";

export { ConfigSyntaxError } from "./config-lines.ts";

export type ConfigSection = ReadonlyMap<string, string>;
/** Sections by name. Values are unexpanded. */
export type SupervisorConfig = ReadonlyMap<string, ConfigSection>;
/** What `%(name)s` stands for. */
export type Expansions = ReadonlyMap<string, string | number>;

/** What stands here counts for every section (configparser.DEFAULTSECT). */
export const DEFAULT_SECTION = "DEFAULT";
/** supervisor/options.py, ClientOptions: where supervisorctl looks when it finds no file or no serverurl. */
export const DEFAULT_SERVER_URL = "http://localhost:9001";

/** Throws ConfigSyntaxError where supervisor refuses the text too. */
export function parseSupervisorConfig(text: string): SupervisorConfig {
  return inheritDefaults(parseSections(text));
}

/** Gives every section the options of `DEFAULT` that it lacks, and removes that one. */
export function inheritDefaults(sections: SupervisorConfig): SupervisorConfig {
  const defaults = sections.get(DEFAULT_SECTION) ?? [];
  const own = [...sections].filter(([name]) => name !== DEFAULT_SECTION);
  return new Map(own.map(([name, values]) => [name, new Map([...defaults, ...values])]));
}

/** `DEFAULT` among them: for a config of several files, where it counts for all of them. Throws ConfigSyntaxError. */
export function parseSections(text: string): SupervisorConfig {
  const normal = readBlocks(text).map(normalBlock).join("");
  const tree: Record<string, Record<string, unknown>> = parse(normal);
  return new Map(
    Object.entries(tree).map(([section, values]) => [
      unseal(section),
      // ini makes booleans of true and false, and null of null; String() gives the words back.
      new Map(Object.entries(values).map(([key, value]) => [unseal(key), String(value)])),
    ]),
  );
}

function normalBlock({ section, options }: ConfigBlock): string {
  const lines = options.map(({ key, value }) => `${quote(seal(key))}=${quote(value)}\n`);
  // ini nests sections at dots that have no backslash before them, and takes exactly that one backslash off again.
  return `[${quote(seal(section).replaceAll(".", "\\."))}]\n${lines.join("")}`;
}

// With a colon behind it, a name is never `__proto__` (which ini drops), never ends in `[]` (an array to ini), and never
// looks like a number (which JavaScript would sort to the front).
const seal = (name: string) => `${name}:`;
const unseal = (name: string) => name.slice(0, -1);

/** A JSON string without the characters at which ini's own regular expressions stop. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\]\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

// ---- expansion ------------------------------------------------------------------------------------------------------

/** Of `%(name)8s`: supervisord itself would fill its memory with blanks. */
const WIDTH_LIMIT = 10_000;

/**
 * Python's `value % names`, as far as it makes sense in a config: `%(name)s`, `%(number)02d`, `%%`. Throws
 * ConfigSyntaxError for an unknown name or a lone `%`, as supervisor refuses them (options.py, expand).
 */
export function expandValue(value: string, names: Expansions): string {
  let expanded = "";
  let done = 0;
  // One after the other: replace() would look for all of them before the first is found to be wrong.
  for (const match of value.matchAll(/%(?:%|\(([^)]*)\)(0?)(\d*)([sd])|)/g)) {
    const [whole, name, zero, width, type] = match;
    expanded += value.slice(done, match.index);
    expanded += whole === "%%" ? "%" : expansionOf(names, { name, zero, width: Number(width), type });
    done = (match.index ?? 0) + whole.length;
  }
  return expanded + value.slice(done);
}

interface Placeholder {
  readonly name: string | undefined;
  readonly zero: string | undefined;
  readonly width: number;
  readonly type: string | undefined;
}

function expansionOf(names: Expansions, { name, zero, width, type }: Placeholder): string {
  if (name === undefined) throw new ConfigSyntaxError("a lone % (write %%)");
  const found = names.get(name);
  if (found === undefined) throw new ConfigSyntaxError(`%(${name})s is not known here`);
  if (type === "d" && typeof found !== "number") throw new ConfigSyntaxError(`%(${name})d is no number`);
  if (width > WIDTH_LIMIT) throw new ConfigSyntaxError(`%(${name})${type} is wider than any value`);
  return String(found).padStart(width, zero === "0" && type === "d" ? "0" : " ");
}

/** `ENV_X` for every variable, as both supervisor's daemon and its client make them. */
export function environmentExpansions(env: Readonly<Record<string, string | undefined>>): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) if (value !== undefined) names.set(`ENV_${name}`, value);
  return names;
}

/**
 * The globs of `[include]`, expanded but not yet resolved against the main file's folder (options.py, read_config);
 * empty where there is no such section. Throws ConfigSyntaxError where it lacks `files`.
 */
export function includePatterns(config: SupervisorConfig, names: Expansions): string[] {
  const include = config.get("include");
  if (include === undefined) return [];
  const files = include.get("files");
  if (files === undefined) throw new ConfigSyntaxError("[include] without files");
  return splitBlanks(expandValue(files, names));
}

// ---- what supervisorctl reads ---------------------------------------------------------------------------------------

export interface ClientContext {
  /** Folder of the config file. */
  readonly here: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}
export interface ServerAccess {
  /** As written, expanded; parseServerUrl makes an address of it. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

/**
 * `[supervisorctl]` of the main file alone: neither [include] nor [unix_http_server] counts (options.py, ClientOptions).
 * `%(here)s` is known in serverurl only. Throws ConfigSyntaxError, as supervisorctl exits with 2.
 */
export function supervisorctlServer(text: string, { here, env }: ClientContext): ServerAccess {
  const section = parseSupervisorConfig(text).get("supervisorctl");
  if (section === undefined) throw new ConfigSyntaxError("no [supervisorctl] section");
  const names = environmentExpansions(env);
  const username = section.get("username");
  const password = section.get("password");
  return {
    url: expandValue(section.get("serverurl") ?? DEFAULT_SERVER_URL, new Map([...names, ["here", here]])),
    ...(username === undefined ? {} : { username: expandValue(username, names) }),
    ...(password === undefined ? {} : { password: expandValue(password, names) }),
  };
}
