/** Finds supervisord as supervisorctl does (supervisor/options.py, Options and ClientOptions). */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { PathContext, ServerPlace } from "../../core/supervisor/server-url.ts";
import { normalizePath, parseServerUrl } from "../../core/supervisor/server-url.ts";
import type { ServerAccess } from "../../core/supervisor/supervisor-config.ts";
import { DEFAULT_SERVER_URL, supervisorctlServer } from "../../core/supervisor/supervisor-config.ts";
import type { SupervisorAddress } from "../../wire/plan.ts";
import { Secret } from "../../wire/secret.ts";
import { readConfigText, refusing } from "./sections.ts";

/** Where to ask, and as whom. `url` is as supervisorctl prints it. */
export type ResolvedAddress = ServerPlace & {
  readonly username?: string;
  readonly password?: Secret;
  /** The file that named it, absolute; its sections are supervisord's own only if it is the file that runs. */
  readonly configPath?: string;
  /** Nothing named it: these files were looked for, and the address is supervisor's built-in one. */
  readonly searched?: readonly string[];
};

export interface DiscoveryContext {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** supervisorctl as it would be called; absent: the first one on PATH, as a shell would take it. */
  readonly argv0?: string;
}

/**
 * `wanted.config` replaces the search, `wanted.url` the config's serverurl; user and password are `wanted`'s or else the
 * config's. A `url` alone is complete: nothing is searched then, and no password of another server sent to it. Throws
 * AgentError: supervisor-config, not-permitted.
 */
export function findSupervisor(wanted: SupervisorAddress, context: DiscoveryContext): ResolvedAddress {
  const paths = pathContext(context);
  if (wanted.url !== undefined && wanted.config === undefined) {
    return withCredentials(
      refusing(wanted.url, () => parseServerUrl(wanted.url ?? "", paths)),
      wanted,
      {},
    );
  }
  const searched = wanted.config === undefined ? searchPaths(context) : [];
  const configPath = wanted.config ?? searched.find((path) => exists(resolve(context.cwd, path)));
  if (configPath === undefined) {
    return { ...withCredentials(parseServerUrl(DEFAULT_SERVER_URL, paths), wanted, {}), searched };
  }
  const absolute = normalizePath(configPath, paths);
  const text = readConfigText(absolute);
  return refusing(absolute, () => {
    const access = supervisorctlServer(text, { here: dirname(absolute), env: context.env });
    const place = parseServerUrl(wanted.url ?? access.url, paths);
    return { ...withCredentials(place, wanted, access), configPath: absolute };
  });
}

function withCredentials(
  place: ServerPlace,
  wanted: SupervisorAddress,
  access: Partial<ServerAccess>,
): ResolvedAddress {
  const username = wanted.username ?? access.username;
  const password = wanted.password ?? access.password;
  return {
    ...place,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: new Secret(password) }),
  };
}

/** In supervisorctl's order. The working folder comes before /etc, which is supervisor's choice, not ours. */
function searchPaths(context: DiscoveryContext): string[] {
  const root = dirname(dirname(context.argv0 ?? findOnPath("supervisorctl", context) ?? "/usr/bin/supervisorctl"));
  return [
    join(root, "etc/supervisord.conf"),
    join(root, "supervisord.conf"),
    "supervisord.conf",
    "etc/supervisord.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
  ];
}

function findOnPath(command: string, { cwd, env }: DiscoveryContext): string | undefined {
  const candidates = (env.PATH ?? "").split(":").map((folder) => join(folder === "" ? "." : folder, command));
  return candidates.find((path) => isExecutableFile(resolve(cwd, path)));
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** As Python's os.path.exists: what this user may not look at is not there. */
function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}

function pathContext({ cwd, env }: DiscoveryContext): PathContext {
  return { cwd, homeOf: (user) => (user === "" && env.HOME !== undefined ? env.HOME : homeInPasswd(user)) };
}

function homeInPasswd(user: string): string | undefined {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  const fields = lines.map((line) => line.split(":"));
  const uid = String(process.geteuid?.() ?? "");
  return fields.find(([name, , id]) => (user === "" ? id === uid : name === user))?.[5];
}
