/** What of this machine a deploy depends on, looked at. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "../../agent/wire/doctor.ts";
import type { Config } from "../core/config.ts";
import { count, formatBytes } from "../core/report/units.ts";
import { explain } from "../explain.ts";
import { ZdrError } from "../failure.ts";
import { whyUnreadable } from "./config-file.ts";
import { listIdentities } from "./ssh/agent.ts";
import { DEFAULT_KEYS } from "./ssh/keys.ts";

export interface Surroundings {
  readonly home: string;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket: string | undefined;
}

interface BuildCheck {
  readonly check: Check;
  /** 0 where there is none to look at. */
  readonly bytes: number;
}

const OPEN_TO_OTHERS = 0o077;

export async function checkBuild({ build, modes, allow_setuid }: Config): Promise<BuildCheck> {
  const about = "build";
  if (build.run !== undefined && !isThere(build.path)) {
    const text = `${build.path} is not there; each deploy makes it: ${build.run}`;
    return { check: { about, level: "ok", text }, bytes: 0 };
  }
  try {
    const { scanBuild } = await import("./build/build.ts");
    const scanned = await scanBuild(build.path, { modes, allowSetuid: allow_setuid });
    await scanned.dispose();
    const files = scanned.entries.filter(({ type }) => type === "file").length;
    const text = `${build.path}: ${count(files, "file")}, ${formatBytes(scanned.totalBytes)}`;
    return { check: { about, level: "ok", text }, bytes: scanned.totalBytes };
  } catch (error) {
    if (!(error instanceof ZdrError)) throw error;
    const { error: lines, hints } = explain(error.failure);
    return { check: { about, level: "refuse", text: lines.join("; "), fix: hints.join("; ") }, bytes: 0 };
  }
}

/**
 * The keys that deploy.yml names and, where it names none, the usual ones. `isLetIn`: all hosts let this user in, so that
 * nothing is missing, wherever the keys come from.
 */
export async function checkKeys(
  config: Config,
  { home, agentSocket }: Surroundings,
  isLetIn: boolean,
): Promise<Check[]> {
  const named = [...config.ssh.key, ...config.hosts.flatMap((host) => (host.kind === "ssh" ? host.keys : []))];
  const files = (named.length > 0 ? [...new Set(named)] : usualKeys(home)).map(checkKeyFile);
  const agent = await checkAgent(agentSocket);
  if (isLetIn || files.length > 0) return [...files, { ...agent, level: "ok" }];
  const fix = "make a key (ssh-keygen -t ed25519), or start an ssh-agent and add one (ssh-add)";
  const text = "none in deploy.yml, none of the usual ones in ~/.ssh";
  return agent.level === "ok" ? [agent] : [agent, { about: "keys", level: "warn", text, fix }];
}

function usualKeys(home: string): string[] {
  return DEFAULT_KEYS.map((name) => join(home, ".ssh", name)).filter(isThere);
}

function checkKeyFile(path: string): Check {
  const problem = whyUnreadable(path);
  // An inventory may name the keys of others; where one is missed, the host says so.
  if (problem !== undefined)
    return { about: "keys", level: "warn", text: problem, fix: "name the file of a key that is here" };
  const mode = statSync(path).mode & 0o777;
  if ((mode & OPEN_TO_OTHERS) === 0) return { about: "keys", level: "ok", text: path };
  const text = `${path} is open to others (0${mode.toString(8)}); ssh itself would not use it`;
  return { about: "keys", level: "warn", text, fix: `chmod 600 ${path}` };
}

async function checkAgent(socket: string | undefined): Promise<Check> {
  const about = "agent";
  const fix = 'start one and add a key: eval "$(ssh-agent)"; ssh-add';
  if (socket === undefined || socket === "") {
    return { about, level: "warn", text: "no ssh-agent (SSH_AUTH_SOCK is not set)", fix };
  }
  try {
    const held = await listIdentities(socket);
    if (held.length > 0) return { about, level: "ok", text: `the ssh-agent holds ${count(held.length, "key")}` };
    return { about, level: "warn", text: "the ssh-agent holds no key", fix: "ssh-add" };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { about, level: "warn", text: `the ssh-agent at ${socket} does not answer: ${why}`, fix };
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
