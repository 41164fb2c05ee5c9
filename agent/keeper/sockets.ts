/**
 * The listening sockets of strategy `socket`. The keeper holds them open for as long as it runs and never accepts:
 * connections that come while no generation is there wait in the kernel's backlog.
 *
 * A net.Server that listens polls its socket and would steal connections from the program. So the socket is only bound
 * here, by Node's own inner function, and a child that ends at once calls listen(2) on it: that is a state of the socket,
 * not of the process. Where a Node does not have that function any more, python3 (which supervisor needs anyway) binds and
 * listens in this very process, and becomes the keeper again; the sockets stay, at the fds that it names.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, fstatSync, lstatSync, rmSync } from "node:fs";
import * as net from "node:net";
import { type ListenAddress, placeOf } from "./spec.ts";

/** The kernel takes at most net.core.somaxconn of it. */
const BACKLOG = 4096;
const DEFAULT_SOCKET_MODE = 0o660;
/** Tells a keeper that python3 became: names and fds. */
const INHERITED = "ZDR_KEEPER_SOCKETS";

/** Of Node's inner handles, no more than this is touched. */
interface Handle {
  readonly fd: number;
  close(): void;
  getsockname?(out: { port?: number }): number;
}
type CreateHandle = (address: string, port: number, type: number, fd?: number, flags?: number) => Handle | number;
/** UV_TCP_IPV6ONLY of uv.h. */
const IPV6_ONLY = 1;

export interface Sockets {
  /** In the order of `listen`. */
  readonly fds: readonly number[];
  /** What they were opened for: anything else needs a keeper that starts anew. */
  readonly key: string;
  close(): void;
}

/** @throws Error with a message for people: an address that is in use, or not allowed. */
export async function openSockets(listen: readonly ListenAddress[]): Promise<Sockets> {
  const key = keyOfListen(listen);
  const inherited = inheritedFds(listen);
  if (inherited !== undefined) return { fds: inherited, key, close: () => unlinkAll(listen) };
  for (const address of listen) if ("path" in address) await clearStale(address.path);
  const create = Reflect.get(net, "_createServerHandle") as CreateHandle | undefined;
  if (typeof create !== "function") return becomeListening(listen);
  const handles: Handle[] = [];
  try {
    for (const address of listen) handles.push(bind(create, address, listen));
    const fds = handles.map(({ fd }) => fd);
    listenOn(fds);
    return { fds, key, close: () => closeAll(handles, listen) };
  } catch (error) {
    closeAll(handles, []);
    throw error;
  }
}

export function keyOfListen(listen: readonly ListenAddress[]): string {
  return JSON.stringify(listen.map(placeOf));
}

function describe(address: ListenAddress): string {
  return "path" in address ? address.path : `${address.host} port ${address.port}`;
}

/** `[::]` takes IPv4 as well, unless that has an address of its own beside it. */
function isIpv6Only(address: ListenAddress, all: readonly ListenAddress[]): boolean {
  if ("path" in address || net.isIP(address.host) !== 6) return false;
  return all.some((other) => "host" in other && net.isIP(other.host) === 4 && other.port === address.port);
}

function bind(create: CreateHandle, address: ListenAddress, all: readonly ListenAddress[]): Handle {
  const isPath = "path" in address;
  const family = isPath ? -1 : net.isIP(address.host);
  if (family === 0) throw new Error(`${describe(address)}: not an address in numbers`);
  const flags = isIpv6Only(address, all) ? IPV6_ONLY : 0;
  const handle = isPath ? create(address.path, -1, -1) : create(address.host, address.port, family, undefined, flags);
  if (typeof handle === "number") throw new Error(`${describe(address)}: ${errorName(handle)}`);
  // libuv keeps "address in use" to itself until listen(2), which the child would then call on an unbound socket.
  if (!isPath && boundPort(handle) !== address.port) {
    handle.close();
    throw new Error(`${describe(address)}: EADDRINUSE`);
  }
  if (isPath) chmodSync(address.path, address.mode ?? DEFAULT_SOCKET_MODE);
  return handle;
}

/** Who may connect is read again for each generation, as all that needs no other socket. */
export function setModes(listen: readonly ListenAddress[]): void {
  for (const address of listen) {
    if ("path" in address) chmodSync(address.path, address.mode ?? DEFAULT_SOCKET_MODE);
  }
}

function boundPort(handle: Handle): number | undefined {
  const name: { port?: number } = {};
  return handle.getsockname?.(name) === 0 ? name.port : undefined;
}

function errorName(errno: number): string {
  const names: Readonly<Record<number, string>> = {
    [-98]: "EADDRINUSE",
    [-99]: "EADDRNOTAVAIL",
    [-13]: "EACCES",
    [-2]: "ENOENT",
    [-36]: "ENAMETOOLONG",
  };
  return names[errno] ?? `error ${-errno}`;
}

/** exit() comes before the child's event loop would accept, and behind the report of an error. */
const LISTEN_SCRIPT = `
const net = require("node:net");
const fail = (error) => { process.stderr.write(error.message); process.exit(1); };
for (let fd = 3; fd < 3 + Number(process.argv[1]); fd++) {
  net.createServer().on("error", fail).listen({ fd, backlog: Number(process.argv[2]) });
}
process.nextTick(() => process.exit(0));`;

function listenOn(fds: readonly number[]): void {
  const { status, stderr, error } = spawnSync(
    process.execPath,
    ["-e", LISTEN_SCRIPT, `${fds.length}`, `${BACKLOG}`],
    // Without the keeper's environment, in which NODE_OPTIONS would load things.
    { stdio: ["ignore", "ignore", "pipe", ...fds], env: {} },
  );
  if (status !== 0) throw new Error(`listen: ${error?.message ?? String(stderr).trim()}`);
}

/** A socket file that a killed keeper left. One that somebody answers on stays. */
async function clearStale(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  if (!(await answers(path))) rmSync(path, { force: true });
}

/** Whether somebody listens on a unix socket. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EAGAIN"));
  });
}

function closeAll(handles: readonly Handle[], listen: readonly ListenAddress[]): void {
  unlinkAll(listen);
  for (const handle of handles) handle.close();
}

function unlinkAll(listen: readonly ListenAddress[]): void {
  for (const address of listen) if ("path" in address) rmSync(address.path, { force: true });
}

const PYTHON_SCRIPT = `
import json, os, socket, sys
request = json.loads(sys.argv[1])
fds = []
for a in request["listen"]:
    if "path" in a:
        s = socket.socket(socket.AF_UNIX)
        s.bind(a["path"])
        os.chmod(a["path"], a.get("mode", request["mode"]))
    else:
        s = socket.socket(socket.AF_INET6 if ":" in a["host"] else socket.AF_INET)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if a["isIpv6Only"]:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((a["host"], a["port"]))
    s.listen(request["backlog"])
    s.setblocking(False)
    os.set_inheritable(s.fileno(), True)
    fds.append(s.detach())
os.environ[request["variable"]] = json.dumps(fds)
os.execv(request["argv"][0], request["argv"])
`;

/** Never comes back: the process is the same, its program another. */
function becomeListening(listen: readonly ListenAddress[]): never {
  const { execve } = process as { execve?: (file: string, args: string[], env: NodeJS.ProcessEnv) => never };
  if (execve === undefined) throw new Error(`Node ${process.version} can not bind a socket without accepting from it`);
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const request = {
    listen: listen.map((one) => ({ ...one, isIpv6Only: isIpv6Only(one, listen) })),
    argv,
    backlog: BACKLOG,
    mode: DEFAULT_SOCKET_MODE,
    variable: INHERITED,
  };
  const python = ["/usr/bin/python3", "-c", PYTHON_SCRIPT, JSON.stringify(request)];
  return execve("/usr/bin/python3", python, process.env);
}

function inheritedFds(listen: readonly ListenAddress[]): number[] | undefined {
  const text = process.env[INHERITED];
  delete process.env[INHERITED];
  if (text === undefined) return undefined;
  const fds: unknown = JSON.parse(text);
  if (!Array.isArray(fds) || fds.length !== listen.length) return undefined;
  const numbers = fds.map(Number);
  return numbers.every((fd) => fstatSync(fd).isSocket()) ? numbers : undefined;
}
