/** supervisord.conf and what it includes, read from disk as supervisord would at its next reread. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { AgentError } from "../../core/failure.ts";
import { isPattern, matchesPart } from "../../core/supervisor/python-glob.ts";
import type { ConfigSection, SupervisorConfig } from "../../core/supervisor/supervisor-config.ts";
import {
  ConfigSyntaxError,
  DEFAULT_SECTION,
  environmentExpansions,
  includePatterns,
  inheritDefaults,
  parseSections,
} from "../../core/supervisor/supervisor-config.ts";

import { errnoOf, userName } from "../files.ts";

type Environment = Readonly<Record<string, string | undefined>>;

interface FoundSection {
  readonly file: string;
  /** As it stands between the brackets: `program:shop`, blanks included. */
  readonly name: string;
  /** Unexpanded but for `%(here)s`, which means the folder of the file that it stands in. */
  readonly values: ConfigSection;
}

export interface SupervisorSections {
  /** Absolute. */
  readonly mainPath: string;
  /** Absolute patterns, in the order in which they are read. */
  readonly includePatterns: readonly string[];
  /** In reading order. A section that stands in two files is there twice; supervisor lets the later one's values win. */
  readonly sections: readonly FoundSection[];
  /** Included files, and folders of theirs, that this user cannot read: what they say is not known. */
  readonly unreadable: readonly string[];
}

/**
 * Every section. `env` stands for supervisord's environment, which the patterns of [include] may use. Throws AgentError:
 * supervisor-config, not-permitted.
 */
export function readSupervisorConfig(configPath: string, env: Environment = {}): SupervisorSections {
  const mainPath = resolve(configPath);
  const main = parseFile(mainPath, readConfigText(mainPath));
  const patterns = absolutePatterns(mainPath, main, env);
  const files = [{ file: mainPath, parsed: main }];
  const unreadable: string[] = [];
  for (const file of patterns.flatMap((pattern) => expandGlob(pattern, unreadable))) {
    const text = readIncluded(file, unreadable);
    if (text !== undefined) files.push({ file: resolve(file), parsed: parseFile(file, text) });
  }
  const defaults = new Map(files.flatMap(({ parsed }) => [...(parsed.get(DEFAULT_SECTION) ?? [])]));
  const sections = files.flatMap(({ file, parsed }) =>
    [...inheritDefaults(new Map([...parsed, [DEFAULT_SECTION, defaults]]))].map(([name, values]) => ({
      file,
      name,
      values: withHere(values, dirname(file)),
    })),
  );
  return { mainPath, includePatterns: patterns, sections, unreadable };
}

/** The sections that define programs and their groups. Throws as readSupervisorConfig does. */
export function readProgramSections(configPath: string, env: Environment = {}): SupervisorSections {
  const config = readSupervisorConfig(configPath, env);
  const isProgram = ({ name }: FoundSection) => /^(?:program|fcgi-program|eventlistener|group):/.test(name);
  return { ...config, sections: config.sections.filter(isProgram) };
}

/** A config that must be there. Throws AgentError: supervisor-config (missing, no UTF-8), not-permitted. */
export function readConfigText(path: string): string {
  try {
    return decode(readFileSync(path));
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EACCES" || code === "EPERM") {
      throw new AgentError({ reason: "not-permitted", path, operation: "read", user: userName() }, error);
    }
    const detail = code === "ENOENT" ? "there is no such file" : error instanceof Error ? error.message : String(error);
    throw new AgentError({ reason: "supervisor-config", path, detail }, error);
  }
}

/** Undefined for what RawConfigParser.read passes over too: a folder, a dangling link, a file without permission. */
function readIncluded(path: string, unreadable: string[]): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === "EACCES") unreadable.push(path);
    return undefined;
  }
  return refusing(path, () => decode(bytes));
}

// A byte order mark stays in the text, because supervisor chokes on it.
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new ConfigSyntaxError(`not UTF-8 (${error instanceof Error ? error.message : error})`);
  }
}

function parseFile(path: string, text: string): SupervisorConfig {
  return refusing(path, () => parseSections(text));
}

function absolutePatterns(mainPath: string, main: SupervisorConfig, env: Environment): string[] {
  const here = dirname(mainPath);
  const names = new Map([
    ...environmentExpansions(env),
    ["here", here] as const,
    ["host_node_name", hostname()] as const,
  ]);
  const patterns = refusing(mainPath, () => includePatterns(inheritDefaults(main), names));
  return patterns.map((pattern) => (pattern.startsWith("/") ? pattern : `${here}/${pattern}`));
}

/** options.py, expand_here: plain replacement, before anything else is expanded. */
function withHere(values: ConfigSection, here: string): ConfigSection {
  return new Map([...values].map(([key, value]) => [key, value.replaceAll("%(here)s", () => here)]));
}

/** `sorted(glob.glob(pattern))` of an absolute pattern. */
function expandGlob(pattern: string, unreadable: string[]): string[] {
  let paths = [""];
  for (const part of pattern.split("/").slice(1)) {
    paths = paths.flatMap((path) =>
      isPattern(part)
        ? listFolder(`${path}/`, unreadable)
            .filter((name) => matchesPart(name, part))
            .map((name) => `${path}/${name}`)
        : [`${path}/${part}`],
    );
  }
  // By code point, as Python sorts: the order of the UTF-8 bytes.
  return paths.filter(isThere).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function listFolder(path: string, unreadable: string[]): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === "EACCES") unreadable.push(path);
    return [];
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** Reads a text of supervisor's; what its syntax does not allow is the failure `supervisor-config` of that file. */
export function refusing<Result>(path: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigSyntaxError)) throw error;
    throw new AgentError({ reason: "supervisor-config", path, detail: error.message }, error);
  }
}
