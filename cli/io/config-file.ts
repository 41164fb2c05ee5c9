/** The config on the disk: found, read, and its paths made absolute. */
import { isUtf8 } from "node:buffer";
import { accessSync, closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, extname, isAbsolute, join, resolve } from "node:path";
import { didYouMean } from "../core/closest.ts";
import {
  type Config,
  type ConfigFileText,
  type ConfigHost,
  type ParsedConfig,
  parseConfig,
  pathText,
} from "../core/config.ts";
import { type ConfigProblem, type SourcePlace, ZdrError } from "../failure.ts";
import { readInventory } from "./inventory.ts";

/** Where a config is looked for, in this order, in the working folder and nowhere above it. */
export const CONFIG_FILES = ["deploy.yml", "deploy.yaml", "config/deploy.yml"] as const;
/** A config is written by hand; whatever is larger is some other file. */
const CONFIG_LIMIT_BYTES = 1024 * 1024;

export interface ConfigSearch {
  /** `--config`; relative to `cwd`. */
  readonly path?: string;
  readonly cwd: string;
  /** HOME is what `~/` stands for; `password: { env: NAME }` is looked up here. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether the build must be there already, unless `build.run` makes it. */
  readonly needsBuild?: boolean;
  /** Whether a file of `ssh.known_hosts` may be yet to be written. */
  readonly mayLackKnownHosts?: boolean;
  /** `--environment`: `deploy.<environment>.yml` beside the config is merged over it. */
  readonly environment?: string;
}

/**
 * A checked config whose local paths are all absolute.
 *
 * @throws ZdrError `config`, for a file that is not there, can not be read or is wrong, and for files that it names in vain.
 */
export function readConfigFile(search: ConfigSearch): Config {
  const { file, descriptor } = openConfig(search);
  const overlay = search.environment === undefined ? undefined : openOverlay(file, search.environment, search.cwd);
  const parsed = parseConfig(readText(file, descriptor), file, search.env, overlay);
  const here = localPaths(resolve(search.cwd, parsed.config.folder), search.env.HOME ?? homedir());
  const written = withAbsolutePaths(parsed.config, here);
  const problems = missingFiles(parsed, written, search);
  if (problems.length > 0) throw new ZdrError({ kind: "config", problems });
  return withInventory(written, here, parsed.placeOf(["inventory"]));
}

/** Other tools' hosts come behind those of deploy.yml; one that both name is deploy.yml's. */
function withInventory(config: Config, here: LocalPaths, place: SourcePlace): Config {
  if (config.inventory === undefined) return config;
  const names = new Set(config.hosts.map(({ name }) => name));
  const found = readInventory({ ...config.inventory, folder: config.folder, place }).map((host) =>
    hostHere(host, here),
  );
  const hosts = [...config.hosts, ...found.filter(({ name }) => !names.has(name) && names.add(name))];
  if (hosts.length > 0) return { ...config, hosts };
  const problem = "leaves no hosts: none of the inventory's has one of these roles";
  throw new ZdrError({ kind: "config", problems: [{ place, path: "inventory.groups", problem }] });
}

/** `deploy.staging.yml` beside `deploy.yml`. */
function openOverlay(file: string, environment: string, cwd: string): ConfigFileText {
  const extension = extname(file);
  const stem = file.slice(0, file.length - extension.length);
  const overlay = `${stem}.${environment}${extension}`;
  try {
    const descriptor = openSync(resolve(cwd, overlay), constants.O_RDONLY | constants.O_NONBLOCK);
    return { file: overlay, text: readText(overlay, descriptor) };
  } catch (error) {
    if (error instanceof ZdrError) throw error;
    const there = siblings(resolve(cwd, file))
      .filter((name) => name.startsWith(`${basename(stem)}.`) && name.endsWith(extension) && name !== basename(file))
      .map((name) => name.slice(basename(stem).length + 1, -extension.length));
    throw refused(
      `there is no ${overlay} for the environment "${environment}"`,
      there.length === 0 ? "it holds what differs from the config there" : `there are: ${there.join(", ")}`,
    );
  }
}

function siblings(path: string): string[] {
  try {
    return readdirSync(dirname(path));
  } catch {
    return [];
  }
}

interface OpenConfig {
  readonly file: string;
  readonly descriptor: number;
}

function openConfig({ path, cwd }: ConfigSearch): OpenConfig {
  for (const file of path === undefined ? CONFIG_FILES : [path]) {
    try {
      // Without O_NONBLOCK, opening a named pipe waits for whoever writes it.
      return { file, descriptor: openSync(resolve(cwd, file), constants.O_RDONLY | constants.O_NONBLOCK) };
    } catch (error) {
      const code = codeOf(error);
      if (code !== "ENOENT" && code !== "ENOTDIR") throw refused(`${file} can not be opened (${code})`);
    }
  }
  if (path === undefined)
    throw refused(
      `there is no ${CONFIG_FILES.join(", ")} in ${cwd}`,
      "begin one: zdr init; or name one: --config PATH",
    );
  throw refused(`there is no file ${path}`, similarFile(resolve(cwd, path)));
}

function readText(file: string, descriptor: number): string {
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) throw refused(`${file} is a folder`, `did you mean "${join(file, CONFIG_FILES[0])}"?`);
    if (!stat.isFile()) throw refused(`${file} is no regular file`);
    return decoded(file, readWhole(file, descriptor));
  } catch (error) {
    throw error instanceof ZdrError ? error : refused(`${file} can not be read (${codeOf(error)})`);
  } finally {
    closeSync(descriptor);
  }
}

/** What stat says of its size may be wrong by now, and in /proc always is. */
function readWhole(file: string, descriptor: number): Buffer {
  const buffer = Buffer.allocUnsafe(CONFIG_LIMIT_BYTES + 1);
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > CONFIG_LIMIT_BYTES) throw refused(`${file} is larger than 1 MiB: this is no config`);
  }
}

function decoded(file: string, bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const problem = isUtf16 ? "the file is UTF-16; a config is UTF-8" : "this line is not UTF-8";
  const place = { file, line: isUtf16 ? 1 : firstBadLine(bytes), column: 1 };
  throw new ZdrError({ kind: "config", problems: [{ place, path: "", problem }] });
}

function firstBadLine(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf("\n", start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
    line++;
  }
}

function withAbsolutePaths(config: Config, here: LocalPaths): Config {
  const { build, ssh, hosts, inventory } = config;
  return {
    ...config,
    folder: here("."),
    build: { ...build, path: here(build.path) },
    ssh: {
      ...ssh,
      ...{
        key: ssh.key.map(here),
        known_hosts: ssh.known_hosts.map(here),
        jump: ssh.jump?.map((login) => keysHere(login, here)),
      },
      config: ssh.config === undefined || ssh.config === "none" ? ssh.config : here(ssh.config),
    },
    ...(inventory === undefined
      ? {}
      : { inventory: { ...inventory, ansible: inventory.ansible && here(inventory.ansible) } }),
    hosts: hosts.map((host) => hostHere(host, here)),
  };
}

function hostHere(host: ConfigHost, here: LocalPaths): ConfigHost {
  if (host.kind === "local") return host;
  return { ...keysHere(host, here), jump: host.jump?.map((login) => keysHere(login, here)) };
}

const keysHere = <Login extends { readonly keys: readonly string[] }>(login: Login, here: LocalPaths): Login => ({
  ...login,
  keys: login.keys.map(here),
});

/** Makes a path absolute. */
type LocalPaths = (path: string) => string;

function localPaths(folder: string, home: string): LocalPaths {
  return (path) => {
    if (path === "~" || path.startsWith("~/")) return join(home, path.slice(1));
    return isAbsolute(path) ? path : resolve(folder, path);
  };
}

interface NamedFile {
  readonly path: readonly PropertyKey[];
  readonly file: string;
}

/** Of the local files that the config names, those that can not be read. */
function missingFiles(
  parsed: ParsedConfig,
  { build, hosts, ssh }: Config,
  { needsBuild = false, mayLackKnownHosts = false }: ConfigSearch,
): ConfigProblem[] {
  const named: NamedFile[] = [
    ...(needsBuild && build.run === undefined ? [{ path: ["build", "path"], file: build.path }] : []),
    ...hosts.flatMap((host) =>
      host.kind === "local" || host.entry === undefined ? [] : namedFiles(["hosts", host.entry, "key"], host.keys),
    ),
    ...namedFiles(["ssh", "key"], ssh.key),
    ...(mayLackKnownHosts ? [] : namedFiles(["ssh", "known_hosts"], ssh.known_hosts)),
  ];
  return named.flatMap(({ path, file }) => {
    const problem = whyUnreadable(file);
    if (problem === undefined) return [];
    const isTrust = path[1] === "known_hosts";
    const suggestion =
      similarFile(file) ?? (isTrust ? "show the hosts' keys, and write it: zdr trust --write FILE" : undefined);
    return [{ place: parsed.placeOf(path), path: pathText(path), problem, ...(suggestion && { suggestion }) }];
  });
}

function namedFiles(path: readonly PropertyKey[], files: readonly string[]): NamedFile[] {
  return files.map((file, index) => ({ path: [...path, index], file }));
}

/** undefined: it can be read. */
export function whyUnreadable(file: string): string | undefined {
  try {
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    return code === "ENOENT" ? `there is no ${file}` : `${file} can not be read (${code})`;
  }
}

function similarFile(path: string): string | undefined {
  try {
    const name = basename(path);
    return didYouMean(
      name,
      readdirSync(dirname(path)).filter((other) => other !== name),
    );
  } catch {
    return undefined;
  }
}

function refused(problem: string, suggestion?: string): ZdrError {
  return new ZdrError({ kind: "config", problems: [{ path: "", problem, ...(suggestion && { suggestion }) }] });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
