/** The names that deploy.yml and its folder know, for completion: whatever is wrong there, there are just fewer. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, extname, resolve } from "node:path";
import { configJsonSchema } from "../core/config/json-schema.ts";
import { parseConfig } from "../core/config.ts";
import type { Known } from "../core/reference/completion.ts";
import { keysOf } from "../core/reference/keys.ts";
import { ZdrError } from "../failure.ts";
import { readTags } from "./build/git.ts";
import { CONFIG_FILES } from "./config-file.ts";
import { sampleNames } from "./folder.ts";
import { readKnownTags } from "./known-tags.ts";

export interface KnownSearch {
  readonly cwd: string;
  /** `--config` */
  readonly path: string | undefined;
  /** Where the samples lie (templates/). */
  readonly bundles: string;
  /** zdr's own. */
  readonly cacheFolder: string;
}

/** Runs no command of deploy.yml: hosts of an inventory that a command prints are not among them. */
export async function readKnown({ cwd, path, bundles, cacheFolder }: KnownSearch): Promise<Known> {
  const files = path === undefined ? CONFIG_FILES : [path];
  const file = files.map((name) => resolve(cwd, name)).find((name) => readText(name) !== undefined);
  const folder = file === undefined ? cwd : dirname(file);
  const config = file === undefined ? undefined : parsed(file);
  const hosts = config?.hosts ?? [];
  const programs = Object.keys(config?.programs ?? {});
  return {
    hosts: hosts.map(({ name }) => name),
    roles: [...new Set(hosts.flatMap(({ roles }) => roles))],
    labels: [...new Set(hosts.flatMap(({ labels }) => Object.entries(labels).map((pair) => pair.join("="))))],
    programs,
    environments: file === undefined ? [] : environmentsBeside(file),
    tags: [...new Set([...readKnownTags(cacheFolder, folder), ...(await readTags(folder))])],
    keys: keysNamed(programs),
    samples: sampleNames(bundles),
  };
}

/** Each program's keys by its own name too, as `zdr explain` takes them. */
function keysNamed(programs: readonly string[]): string[] {
  return keysOf(configJsonSchema()).flatMap(({ path }) =>
    path.startsWith("programs.*") ? [path, ...programs.map((name) => path.replace("*", name))] : [path],
  );
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** A secret that is not set has no names in it. */
const ANY_SECRET = new Proxy<Readonly<Record<string, string>>>({}, { get: () => "set" });

function parsed(file: string) {
  try {
    return parseConfig(readText(file) ?? "", file, ANY_SECRET).config;
  } catch (error) {
    if (error instanceof ZdrError) return undefined;
    throw error;
  }
}

/** `staging` of `deploy.staging.yml`. */
function environmentsBeside(file: string): string[] {
  const extension = extname(file);
  const stem = `${basename(file, extension)}.`;
  return readdirSync(dirname(file)).flatMap((name) => {
    const isOne = name.startsWith(stem) && name.endsWith(extension) && name !== basename(file);
    return isOne ? [name.slice(stem.length, -extension.length)] : [];
  });
}
