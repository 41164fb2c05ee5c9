/** The environment of a program that the keeper starts. */
import type { KeptProgram, ListenAddress } from "./spec.ts";

/** Marks every process of a kept program, by the path of its spec: how the leftovers of a killed keeper are known. */
export const MARK = "ZDR_KEEPER";
/** fds below are stdin, stdout and stderr; at those, libuv would make the shared socket blocking. */
export const FIRST_LISTEN_FD = 3;

const FOREIGN_NAMES: ReadonlySet<string> = new Set([
  ...["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"],
  ...["ENDLESS_CONTINUE", "ENDLESS_SOCKET_ORDER", "IS_GRACEFUL", "GRACEFUL", "GO_UPGRADE_BIN_CHECK"],
  ...["TABLEFLIP_HAS_PARENT_7DIU3"],
]);
const FOREIGN_PREFIXES = ["OVERSEER_", "EINHORN_", "SERVER_STARTER_"];

/**
 * What handover libraries tell their successors must not come from anybody else: with a foreign LISTEN_FDS, grace takes
 * it for a socket and ends its parent, which here would be the keeper.
 */
export function isForeign(name: string): boolean {
  return FOREIGN_NAMES.has(name) || FOREIGN_PREFIXES.some((prefix) => name.startsWith(prefix));
}

export interface KeeperFacts {
  readonly pid: number;
  readonly specPath: string;
  readonly controlPath: string;
  /** Which start of the program this is, from 1. */
  readonly start: number;
}

/** Without LISTEN_PID, which only the started process itself knows. */
export function programEnvironment(
  spec: KeptProgram,
  inherited: Readonly<Record<string, string | undefined>>,
  keeper: KeeperFacts,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of [...Object.entries(inherited), ...Object.entries(spec.environment)]) {
    if (value !== undefined && !isForeign(name)) environment[name] = value;
  }
  return {
    ...environment,
    PWD: spec.cwd,
    ZDR_CURRENT: spec.current,
    [MARK]: keeper.specPath,
    ...(spec.strategy === "socket" ? socketEnvironment(spec.listen, keeper) : {}),
  };
}

/** The three ways in which programs are told of sockets: sd_listen_fds(3), Server::Starter, einhorn. */
function socketEnvironment(listen: readonly ListenAddress[], keeper: KeeperFacts): Record<string, string> {
  const fds = listen.map((_, index) => FIRST_LISTEN_FD + index);
  const ports = listen.map((address, index) => `${starterName(address)}=${fds[index]}`);
  return {
    LISTEN_FDS: `${listen.length}`,
    LISTEN_FDNAMES: listen.map(({ name }) => name).join(":"),
    SERVER_STARTER_PORT: ports.join(";"),
    SERVER_STARTER_GENERATION: `${keeper.start}`,
    EINHORN_FD_COUNT: `${listen.length}`,
    ...Object.fromEntries(fds.map((fd, index) => [`EINHORN_FD_${index}`, `${fd}`])),
    EINHORN_FDS: fds.join(" "),
    // Its clients believe in einhorn only when this is their parent; their ack goes to a socket that ignores it.
    EINHORN_MASTER_PID: `${keeper.pid}`,
    EINHORN_SOCK_PATH: keeper.controlPath,
  };
}

function starterName(address: ListenAddress): string {
  if ("path" in address) return address.path;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
