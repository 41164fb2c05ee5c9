/**
 * The operator's SSH configuration, asked for one host at a time through `ssh -G`: aliases, Match, Include, tokens and
 * canonical names are ssh's own business. Where no file says anything that matters here, ssh is not started; where there
 * is no ssh, the package ssh-config reads the files, and what it does not know (Match) is left out and told.
 */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import { matchesWildcards } from "../../core/fleet/wildcards.ts";
import { type HostSettings, parseSettings, readKeywords, type Setting, settingsOf } from "../../core/ssh/settings.ts";
import type { LinkFailure } from "../../failure.ts";

/** `Match exec` may ask a server; ssh itself sets no limit. */
const RESOLVE_TIMEOUT_MS = 20_000;
const OUTPUT_LIMIT_BYTES = 1024 * 1024;
const INCLUDE_DEPTH_LIMIT = 16; // readconf.c, READCONF_MAX_DEPTH
const SYSTEM_CONFIG = "/etc/ssh/ssh_config";

export interface Asked {
  /** A name of the configuration, a host name or an address. */
  readonly alias: string;
  /** What deploy.yml says itself, as `ssh -l` and `-p` would. */
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

export interface UserConfigOptions {
  /** `ssh.config` in deploy.yml: a file instead of the user's and the system's (ssh(1), -F), or `none`. */
  readonly file?: string | undefined;
  readonly onWarning: (text: string) => void;
  /** For tests: the ssh program; ssh finds the user's home by itself (passwd), whatever HOME says. */
  readonly ssh?: string;
  readonly home?: string;
}

export type Resolved = HostSettings | undefined | { readonly problem: LinkFailure };
/** undefined: no configuration has a say in how this host is reached. */
export type ResolveHost = (asked: Asked) => Promise<Resolved>;

/** Reads the files once, and asks for each host once. */
export function userConfig({
  file,
  onWarning,
  ssh = "ssh",
  home = userInfo().homedir,
}: UserConfigOptions): ResolveHost {
  const { username: localUser, uid } = userInfo();
  const known = new Map<string, Promise<Resolved>>();
  let files: Promise<readonly ConfigFile[]> | undefined;

  const resolve = async (asked: Asked): Promise<Resolved> => {
    if (file === "none") return undefined;
    files ??= readFiles(file === undefined ? [join(home, ".ssh", "config"), SYSTEM_CONFIG] : [file], home);
    const read = await files;
    if (file !== undefined && read[0]?.problem !== undefined) {
      return { problem: { kind: "ssh-config", detail: `${file} can not be read (${read[0].problem})` } };
    }
    if (!read.some(({ matters }) => matters)) return undefined;
    const answer = (await askSsh(ssh, file, asked)) ?? (await withoutSsh(read, asked, onWarning));
    if ("problem" in answer) return { problem: { kind: "ssh-config", detail: answer.problem } };
    return settingsOf(answer, { alias: asked.alias, home, localUser, uid });
  };
  return (asked) => {
    const key = JSON.stringify([asked.alias, asked.user, asked.port]);
    const answer = known.get(key) ?? resolve(asked);
    known.set(key, answer);
    return answer;
  };
}

interface ConfigFile {
  /** With what it includes in the place where it includes it. */
  readonly text: string;
  readonly matters: boolean;
  /** Why it could not be read. */
  readonly problem?: string;
  /** Its files include each other without end, or further than ssh follows them. */
  readonly isTooDeep?: true;
}

function readFiles(paths: readonly string[], home: string): Promise<readonly ConfigFile[]> {
  const read = async (path: string, depth: number): Promise<ConfigFile> => {
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      return { text: "", matters: false, problem: (error as NodeJS.ErrnoException).code ?? String(error) };
    }
    if (depth > INCLUDE_DEPTH_LIMIT) return { text: "", matters: true, isTooDeep: true };
    const { matters, includes } = readKeywords(text);
    const folder = path.startsWith("/etc/") ? "/etc/ssh" : join(home, ".ssh");
    const inner: ConfigFile[][] = [];
    // One after the other, as ssh does: where they have no end, the first way down shows it, and there are very many.
    for (const patterns of includes) {
      const found = await Promise.all(patterns.split(/\s+/).map((pattern) => included(pattern, folder, home)));
      const files: ConfigFile[] = [];
      for (const one of found.flat()) {
        const file = await read(one, depth + 1);
        if (file.isTooDeep) return file;
        files.push(file);
      }
      inner.push(files);
    }
    let line = 0;
    const textOf = () => (inner[line++] ?? []).map((one) => one.text).join("\n");
    return {
      text: text.replace(/^[ \t]*Include\b.*$/gim, textOf),
      matters: matters || inner.flat().some((one) => one.matters),
    };
  };
  return Promise.all(paths.map((path) => read(path, 0)));
}

/** The files of an Include; wildcards are looked for in the last part of the path. */
async function included(pattern: string, folder: string, home: string): Promise<readonly string[]> {
  const unquoted = pattern.replace(/^"(.*)"$/, "$1").replace(/^~\//, `${home}/`);
  const path = isAbsolute(unquoted) ? unquoted : join(folder, unquoted);
  if (!/[*?]/.test(basename(path))) return [path];
  const names = await readdir(dirname(path)).catch(() => []);
  return names
    .filter((name) => matchesWildcards(name, basename(path)))
    .sort()
    .map((name) => join(dirname(path), name));
}

/** undefined: there is no ssh here. */
function askSsh(
  ssh: string,
  file: string | undefined,
  { alias, user, port }: Asked,
): Promise<Setting[] | { readonly problem: string } | undefined> {
  const args = [
    ...["-G", "-T"],
    ...(file === undefined ? [] : ["-F", file]),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...["--", alias],
  ];
  return new Promise((resolve) => {
    const options = { timeout: RESOLVE_TIMEOUT_MS, maxBuffer: OUTPUT_LIMIT_BYTES, encoding: "utf8" } as const;
    const child = execFile(ssh, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(parseSettings(stdout));
      if (error.code === "ENOENT") return resolve(undefined);
      const detail = error.killed ? `no answer within ${RESOLVE_TIMEOUT_MS / 1000} s` : stderr.trim() || error.message;
      resolve({ problem: `ssh -G ${alias}: ${detail}` });
    });
    child.stdin?.end();
  });
}

/** As far as ssh-config goes; a `Match` is told and left out, so that no command of it runs. What ssh gives up is given up in its words. */
async function withoutSsh(
  files: readonly ConfigFile[],
  { alias, user, port }: Asked,
  onWarning: (text: string) => void,
): Promise<Setting[] | { readonly problem: string }> {
  if (files.some(({ isTooDeep }) => isTooDeep)) return { problem: "Too many recursive configuration includes" };
  const { default: SSHConfig } = await import("ssh-config");
  const text = files.map((one) => one.text).join("\n");
  if (/^[ \t]*Match\b/im.test(text)) {
    onWarning("there is no ssh here to read the SSH configuration with: its Match sections are left out");
  }
  const config = SSHConfig.parse(text);
  const found = config.compute({ Host: alias }, { ignoreCase: true, matchExec: false });
  const settings = Object.entries(found).flatMap(([keyword, value]) =>
    [value].flat().map((one): Setting => [keyword.toLowerCase(), one]),
  );
  const given: Setting[] = [
    ...(user === undefined ? [] : [["user", user] as const]),
    ...(port === undefined ? [] : [["port", String(port)] as const]),
  ];
  // HostName may name what was asked for; ssh -G has done that already.
  return [
    ...given,
    ...settings.map(([key, value]): Setting => [key, key === "hostname" ? value.replaceAll("%h", alias) : value]),
  ];
}
