/** The arguments for the system's ssh: what deploy.yml says as flags, and what zdr never leaves to a configuration. */
import type { Login } from "../config/rules/host-entry.ts";
import type { SshHost } from "../plan.ts";

/** Options that win over every configuration file (ssh_config(5): the first value obtained is used). */
const FORCED = [
  "StrictHostKeyChecking=yes",
  "RequestTTY=no",
  "RemoteCommand=none",
  "SessionType=default",
  "PermitLocalCommand=no",
  "ClearAllForwardings=yes",
  "ForwardAgent=no",
  "ForwardX11=no",
  "EscapeChar=none",
  "LogLevel=ERROR",
  "ServerAliveInterval=15",
  "ServerAliveCountMax=8",
];

export interface OpensshOptions {
  /** Whether ssh may ask for a passphrase or a PIN on the terminal. */
  readonly canAsk: boolean;
  /** A file with the pinned keys under the name `alias`. */
  readonly pins?: { readonly path: string; readonly alias: string } | undefined;
}

/**
 * argv behind `ssh`. The command is a fixed one (Connection.exec), and an address never begins with a dash.
 *
 * @returns `problem` where ssh has no flag for what deploy.yml says.
 */
export function opensshArgs(
  host: Way,
  command: string,
  options: OpensshOptions,
): readonly string[] | { readonly problem: string } {
  const words = wayWords(host, [...FORCED, `BatchMode=${options.canAsk ? "no" : "yes"}`], options.pins);
  return "problem" in words ? words : [...words, "-T", "--", host.address, command];
}

/** argv behind `ssh` for a person who sits there: the same way to the host, and all else as ssh has it. */
export function interactiveArgs(
  host: Way,
  command: readonly string[],
  pins: OpensshOptions["pins"],
): readonly string[] | { readonly problem: string } {
  const words = wayWords(host, ["StrictHostKeyChecking=yes"], pins);
  return "problem" in words ? words : [...words, "--", host.address, ...command];
}

type Way = Omit<SshHost, "kind" | "name">;

function wayWords(
  { address: _, port, user, keys, knownHosts, jump, config, connectTimeoutMs }: Way,
  forced: readonly string[],
  pins: OpensshOptions["pins"],
): readonly string[] | { readonly problem: string } {
  if (jump?.some((hop) => hop.keys.length > 0 || hop.hostKeys.length > 0)) {
    return {
      problem: "key and host_key of a jump host are for the builtin transport; put them into the SSH configuration",
    };
  }
  const options = [
    ...forced,
    `ConnectTimeout=${Math.max(1, Math.ceil(connectTimeoutMs / 1000))}`,
    ...(pins === undefined ? knownHostsOptions(knownHosts) : pinOptions(pins)),
    ...(jump === undefined ? [] : jump.length === 0 ? ["ProxyJump=none", "ProxyCommand=none"] : []),
  ];
  return [
    ...(config === undefined ? [] : ["-F", config]),
    ...options.flatMap((option) => ["-o", option]),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...keys.flatMap((key) => ["-i", key]),
    ...(jump === undefined || jump.length === 0 ? [] : ["-J", jump.map(hopWord).join(",")]),
  ];
}

function knownHostsOptions(files: readonly string[]): string[] {
  if (files.length === 0) return [];
  return [`UserKnownHostsFile=${files.map(quoted).join(" ")}`, "GlobalKnownHostsFile=/dev/null", LEARNS_NOTHING];
}

function pinOptions({ path, alias }: { readonly path: string; readonly alias: string }): string[] {
  return [
    `UserKnownHostsFile=${quoted(path)}`,
    "GlobalKnownHostsFile=/dev/null",
    LEARNS_NOTHING,
    `HostKeyAlias=${alias}`,
  ];
}

/** A configuration could have ssh write what a host shows into these files, and remove other lines from them: they are for people to review. */
const LEARNS_NOTHING = "UpdateHostKeys=no";

const quoted = (path: string) => `"${path.replaceAll("%", "%%")}"`;

/** ssh(1), -J: `[user@]host[:port]`. */
function hopWord({ user, address, port }: Login): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `${user === undefined ? "" : `${user}@`}${host}${port === undefined ? "" : `:${port}`}`;
}
