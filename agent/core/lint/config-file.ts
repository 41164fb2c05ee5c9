/**
 * Config files of a release that its command line names, for what makes a reload impossible or a lie. Only what is surely
 * said is judged: a file that includes others, or that is a program (unicorn.rb, puma.rb) and says it under a condition,
 * may say anything.
 */
import type { PresetName } from "../section/preset.ts";
import { hasOption, optionValue } from "./options.ts";
import { UWSGI_TERM } from "./products.ts";

export interface ConfigLook {
  /** The word of the command line that names the file; undefined: none does. */
  file(words: readonly string[]): string | undefined;
  /** Why a program with this file can not be reloaded; undefined: nothing speaks against it. */
  problem(text: string, words: readonly string[]): string | undefined;
}

const uwsgi: ConfigLook = {
  file: (words) => optionValue(words, "--ini") ?? words.find((word) => word.endsWith(".ini")),
  problem(text, words) {
    const values = iniValues(text, "uwsgi");
    const daemonize = ["daemonize", "daemonize2"].find((key) => values.has(key));
    if (daemonize !== undefined) return `with ${daemonize} it leaves supervisor, which takes its end for the program's`;
    if (["ini", "include", "inherit", "emperor", "if-env", "if-opt"].some((key) => values.has(key))) return undefined;
    const isSet = (key: string) => hasOption(words, `--${key}`) || (values.has(key) && values.get(key) !== "false");
    if (!isSet("master") && !hasOption(words, "-M"))
      return "without master = true nobody keeps the socket while HUP makes a new one";
    return isSet("die-on-term") ? undefined : `without die-on-term = true, ${UWSGI_TERM}`;
  },
};

/** The last value of each key of one section. uWSGI's own reader: `;` and `#` begin a comment at the start of a line only. */
function iniValues(text: string, section: string): Map<string, string> {
  const values = new Map<string, string>();
  let isHere = false;
  for (const line of text.split(/\r?\n/).map((one) => one.trim())) {
    if (line === "" || line.startsWith(";") || line.startsWith("#")) continue;
    const header = /^\[([^\]]*)\]/.exec(line);
    if (header !== null) isHere = header[1] === section;
    else if (isHere) {
      const [key = "", ...rest] = line.split("=");
      values.set(key.trim(), rest.join("=").trim());
    }
  }
  return values;
}

const unicorn: ConfigLook = {
  file: (words) => optionValue(words, "-c") ?? optionValue(words, "--config-file"),
  problem(text) {
    // unicorn's own SIGNALS: "application code changes will have no effect".
    return lastCall(text, "preload_app") === "true" ? "with preload_app true, HUP does not load new code" : undefined;
  },
};

const puma: ConfigLook = {
  file: (words) => optionValue(words, "-C") ?? optionValue(words, "--config"),
  problem(text) {
    const daemonize = lastCall(text, "daemonize");
    if (daemonize === undefined || daemonize === "false") return undefined;
    return "with daemonize it leaves supervisor, which takes its end for the program's";
  },
};

/**
 * The argument of the last call of that name, empty where it has none; undefined: it is not called, or perhaps not always. What
 * is indented, or has a modifier behind it, depends on something.
 */
function lastCall(text: string, name: string): string | undefined {
  const call = new RegExp(`^${name}(?:\\s+(\\w+)|\\(\\s*(\\w*)\\s*\\))?\\s*(?:#.*)?$`, "gm");
  const last = [...text.matchAll(call)].at(-1);
  return last === undefined ? undefined : (last[1] ?? last[2] ?? "");
}

export const CONFIG_LOOKS: Readonly<Partial<Record<PresetName, ConfigLook>>> = { uwsgi, unicorn, puma };
