/** Where supervisord's XML-RPC server is reached, from a `serverurl`. */
import { posix } from "node:path";
import { ConfigSyntaxError } from "./config-lines.ts";

export type ServerPlace =
  | { readonly kind: "unix"; readonly url: string; readonly path: string }
  | { readonly kind: "http"; readonly url: string; readonly host: string; readonly port: number };

/** Longest path that fits sockaddr_un.sun_path with its NUL (unix(7)). libuv cuts longer ones and connects elsewhere. */
export const SOCKET_PATH_LIMIT_BYTES = 107;

export interface PathContext {
  readonly cwd: string;
  /** Home folder of a user, of the caller for ""; undefined where there is no such user. */
  homeOf(user: string): string | undefined;
}

/**
 * `unix://PATH` (`~`, relative and `..` allowed) or `http://HOST[:PORT]`, whose path and user are ignored, as
 * supervisorctl does (xmlrpc.py, SupervisorTransport). `url` of the result is how supervisorctl prints it,
 * less any user and password. Throws
 * ConfigSyntaxError for anything else, `https://`, `UNIX://` and a bare path among it.
 */
export function parseServerUrl(url: string, context: PathContext): ServerPlace {
  if (url.startsWith("unix://")) {
    const path = normalizePath(url.slice("unix://".length), context);
    const bytes = new TextEncoder().encode(path).length;
    if (bytes > SOCKET_PATH_LIMIT_BYTES) {
      throw new ConfigSyntaxError(
        `the socket's path has ${bytes} bytes, and ${SOCKET_PATH_LIMIT_BYTES} is the limit: ${path}`,
      );
    }
    return { kind: "unix", url: `unix://${path}`, path };
  }
  const authority = /^http:\/\/([^/?#]*)/.exec(url)?.[1];
  if (authority === undefined) throw new ConfigSyntaxError(`neither unix:// nor http://: ${withoutUser(url)}`);
  const { host, port } = splitAuthority(authority, url);
  return { kind: "http", url: withoutUser(url), host, port };
}

// As urllib.parse does: no punycode, no rewriting of addresses, which `new URL` would do.
function splitAuthority(authority: string, url: string): { host: string; port: number } {
  const place = authority.slice(authority.lastIndexOf("@") + 1);
  const match = /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::(\d*))?$/.exec(place);
  const port = Number(match?.[3] || 80);
  if (match === null || port > 65_535) throw new ConfigSyntaxError(`no host and port: ${withoutUser(url)}`);
  return { host: (match[1] ?? match[2] ?? "").toLowerCase(), port };
}

/** A user and password may stand in the URL, though supervisorctl ignores them: they must not come out in a message. */
function withoutUser(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//");
}

/** options.py, normalize_path: os.path.normpath(abspath(expanduser(path))). */
export function normalizePath(path: string, { cwd, homeOf }: PathContext): string {
  const [, user, rest] = /^~([^/]*)(.*)$/s.exec(path) ?? [];
  const home = user === undefined ? undefined : homeOf(user);
  const expanded = home === undefined ? path : home.replace(/\/+$/, "") + (rest ?? "") || "/";
  const absolute = expanded.startsWith("/") ? expanded : `${cwd}/${expanded}`;
  const normal = posix.normalize(absolute).replace(/(?<=.)\/+$/, "");
  // POSIX leaves the meaning of exactly two leading slashes open, so Python keeps them.
  return /^\/\/(?!\/)/.test(absolute) ? `/${normal}` : normal;
}
