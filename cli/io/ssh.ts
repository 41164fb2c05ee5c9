/**
 * The way to a host over SSH; the only door to node-ssh. What is taken of it is the client; the rest of it stays unused:
 * its `execCommand` takes a lost link for success, `exec` ignores exit codes, and uploads never end when the link drops.
 *
 * - No key and no user name is sent to a host before its host key is trusted.
 * - Whatever goes wrong before the link stands is a `ZdrError` of kind `link`.
 * - Once it stands, a link that dies shows in `Channel.closed` and is never thrown out of nowhere.
 * - The way to it (TCP, or through a jump host or a command) opens while the libraries load and known_hosts is read.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { DEFAULT_SSH_PORT } from "../core/known-hosts.ts";
import { type LinkFailure, ZdrError } from "../failure.ts";
import type { Connection } from "./session/transport.ts";
import { channelOf } from "./ssh/channel.ts";
import {
  comingKeys,
  type HostTrust,
  knownHostsPaths,
  readHostTrust,
  type ShownKey,
  type TrustedHost,
} from "./ssh/host-keys.ts";
import { narrowWindow, prepareKeys, signAtOnce } from "./ssh/inside-ssh2.ts";
import type { KeyChoice, KeyRing } from "./ssh/keys.ts";
import { failureOf, forwardTo, loggedIn, openChannel, silenceTimer, watchLink } from "./ssh/link.ts";
import { planLogin } from "./ssh/login.ts";
import { type Fail, type OpenWay, overTcp } from "./ssh/ways.ts";

/** How long a host may take to accept the TCP connection. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** How long a host may say nothing between the TCP connection and the end of the login. */
export const HANDSHAKE_TIMEOUT_MS = 20_000;
/** How long a host may take to open a channel and start a command in it; slow login sessions (PAM) count. */
export const CHANNEL_TIMEOUT_MS = 30_000;
/** Pings wait behind what is being sent, so that a slow line needs patience (15 s x 8). */
export const KEEPALIVE_INTERVAL_MS = 15_000;
export const KEEPALIVE_COUNT_MAX = 8;
/** How long an ended connection may take to send what is left. */
export const CLOSE_TIMEOUT_MS = 1_000;

export interface SshTarget {
  /** The host's name in messages. */
  readonly name: string;
  /** It is only on the way to that host. */
  readonly isJump?: boolean | undefined;
  /** Host name or IP address, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly keys?: KeyChoice | undefined;
  /** `host_key:` in deploy.yml; takes the place of known_hosts, also when it is an empty list. */
  readonly hostKeys?: readonly string[] | undefined;
  /** The name that its key is known by, without a port (ssh_config(5), HostKeyAlias); absent: address and port. */
  readonly hostKeyAlias?: string | undefined;
}

/** A way to a host on which commands run, and from which ways to further hosts lead. */
export interface SshConnection extends Connection {
  /** Opens a TCP connection from there (RFC 4254 §7.2). Rejects with a LinkFailure's reason in words. */
  forward(address: string, port: number): Promise<Duplex>;
  /** Settles when the link is gone; never rejects. */
  readonly gone: Promise<void>;
}

export interface SshTimeouts {
  readonly connectMs: number;
  readonly handshakeMs: number;
  readonly channelMs: number;
  /** Between two pings; a host that leaves KEEPALIVE_COUNT_MAX of them unanswered is gone. */
  readonly keepaliveMs: number;
}

export const DEFAULT_TIMEOUTS: SshTimeouts = {
  connectMs: CONNECT_TIMEOUT_MS,
  handshakeMs: HANDSHAKE_TIMEOUT_MS,
  channelMs: CHANNEL_TIMEOUT_MS,
  keepaliveMs: KEEPALIVE_INTERVAL_MS,
};

export interface SshDeps {
  readonly home: string;
  /** Shared by all hosts of a run. */
  readonly keys: KeyRing;
  readonly timeouts?: Partial<SshTimeouts>;
  /** Instead of the user's and the system's files. */
  readonly knownHosts?: readonly string[];
  /** TrustedHost's. */
  readonly revokedKeys?: string | undefined;
  /** Absent: TCP from this machine. */
  readonly way?: OpenWay;
  /** Called once the host has said which keys it has, if it does, with those that it is going over to (comingKeys). */
  readonly onComingKeys?: ((keys: readonly ShownKey[]) => void) | undefined;
}

/** Connects and logs in. Rejects with a ZdrError of kind `link`. */
export async function connectSsh(target: SshTarget, deps: SshDeps): Promise<SshConnection> {
  const shownTypes: string[] = [];
  let firstError: unknown;
  for (;;) {
    try {
      return await connectOnce(target, deps, shownTypes);
    } catch (error) {
      const link = linkFailureOf(error);
      if (link?.kind === "handshake" && firstError !== undefined) throw firstError; // it has no key of another type
      if (link?.kind !== "host-key-changed" || !isByFingerprint(link)) throw error;
      firstError ??= error;
      if (shownTypes.includes(link.keyType)) throw firstError;
      shownTypes.push(link.keyType);
    }
  }
}

/**
 * All keys that a host has, of each type one, by asking for one after the other; none of them is trusted by it, and
 * neither a user name nor a key is sent. Rejects with a ZdrError of kind `link`.
 */
export async function fetchHostKeys(target: SshTarget, deps: SshDeps): Promise<readonly ShownKey[]> {
  const keys: ShownKey[] = [];
  for (;;) {
    try {
      const connection = await connectOnce(
        { ...target, hostKeys: undefined },
        { ...deps, knownHosts: [], revokedKeys: undefined },
        typesOf(keys),
      );
      connection.close();
      throw new Error("a host was let in that nobody trusts");
    } catch (error) {
      const link = linkFailureOf(error);
      if (link?.kind === "handshake" && keys.length > 0 && link.isDropped !== true) return keys;
      if (link?.kind !== "host-key-unknown") throw error;
      if (typesOf(keys).includes(link.keyType)) return keys;
      keys.push(link);
    }
  }
}

const typesOf = (keys: readonly ShownKey[]) => keys.map(({ keyType }) => keyType);

const linkFailureOf = (error: unknown) =>
  error instanceof ZdrError && error.failure.kind === "link" ? error.failure.link : undefined;

/** A pinned fingerprint may be of another one of the host's keys than the one that it showed. */
const isByFingerprint = ({ expected }: Extract<LinkFailure, { kind: "host-key-changed" }>) =>
  expected.some(({ keyType }) => keyType === "");

async function connectOnce(
  target: SshTarget,
  deps: SshDeps,
  unwantedKeyTypes: readonly string[],
): Promise<SshConnection> {
  const timeouts = { ...DEFAULT_TIMEOUTS, ...deps.timeouts };
  const name = addressOf(target);
  const fail = (link: LinkFailure, cause?: unknown) => new ZdrError({ kind: "link", host: target.name, link }, cause);
  const way = (deps.way ?? overTcp)({ ...target, name, timeoutMs: timeouts.connectMs, fail });
  const read = Promise.all([
    way.underWay.then(loadLibraries),
    readHostTrust({ ...trustedHost(target, deps), unwantedKeyTypes }),
  ]);
  read.catch(() => {});
  const socket = await way.opened;
  try {
    const [library, trust] = await read;
    if ("problem" in trust) throw fail(trust.problem);
    // What happened to the socket before ssh2 listens to it, ssh2 never hears of.
    if (socket.destroyed || socket.readableEnded) {
      throw fail(
        { kind: "handshake", address: name, detail: "the host hung up at once", isDropped: true },
        socket.errored,
      );
    }
    const tellKeys = (blobs: readonly Buffer[]) =>
      deps.onComingKeys?.(comingKeys(trust, trustedHost(target, deps), blobs));
    return await logIn({ target, name, socket, library, trust, keys: deps.keys, timeouts, fail, tellKeys });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** By which name and which files a host's key is judged. */
export function trustedHost(
  target: SshTarget,
  deps: Pick<SshDeps, "home" | "knownHosts" | "revokedKeys">,
): TrustedHost {
  return {
    host: target.hostKeyAlias ?? target.address,
    port: target.hostKeyAlias === undefined ? target.port : DEFAULT_SSH_PORT,
    address: addressOf(target),
    listedAs: target.isJump === true ? undefined : target.name,
    pins: target.hostKeys,
    knownHosts: deps.knownHosts ?? knownHostsPaths(deps.home),
    revokedKeys: deps.revokedKeys,
    unwantedKeyTypes: [],
  };
}

function addressOf({ user, address, port }: Pick<SshTarget, "user" | "address" | "port">): string {
  return `${user}@${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** They take 60 ms to load, so only who connects pays for them. */
async function loadLibraries() {
  const [{ NodeSSH }, { default: ssh2 }] = await Promise.all([import("node-ssh"), import("ssh2")]);
  return { NodeSSH, ssh2 };
}

interface LoginParts {
  readonly target: SshTarget;
  readonly name: string;
  readonly socket: Duplex;
  readonly library: Awaited<ReturnType<typeof loadLibraries>>;
  readonly trust: HostTrust;
  readonly keys: KeyRing;
  readonly timeouts: SshTimeouts;
  readonly fail: Fail;
  readonly tellKeys: (blobs: readonly Buffer[]) => void;
}

async function logIn({
  target,
  name,
  socket,
  library,
  trust,
  keys,
  timeouts,
  fail,
  tellKeys,
}: LoginParts): Promise<SshConnection> {
  const silence = silenceTimer(timeouts.handshakeMs);
  const login = planLogin({
    user: target.user,
    ssh2: library.ssh2,
    steps: keys.steps(library.ssh2, target.keys ?? { files: [] }),
    onLocalWork: silence.pause,
  });
  let distrust: LinkFailure | undefined;
  const ssh = new library.NodeSSH();
  ssh
    .connect({
      sock: socket,
      username: target.user,
      readyTimeout: 0,
      keepaliveInterval: timeouts.keepaliveMs,
      keepaliveCountMax: KEEPALIVE_COUNT_MAX,
      // ssh2's own list of ciphers begins with aes128-gcm, except on a processor where another one is quicker.
      algorithms: { serverHostKey: [...trust.algorithms], compress: ["none"] },
      hostVerifier: (keyBlob: Buffer) => {
        distrust = trust.judge(keyBlob);
        return distrust === undefined;
      },
      authHandler: login.handler,
    })
    .catch(() => {}); // it stops listening for errors at the login, so we listen ourselves
  const client = ssh.connection;
  if (client === null) throw new Error("node-ssh made no client");
  signAtOnce(client, login.atHand);
  const link = watchLink(client);
  // ssh2 has them proved: each has signed this very session.
  client.on("hostkeys", (keys) => tellKeys(keys.map((key) => key.getPublicSSH())));
  const setback = await loggedIn(client, silence);
  if (login.bug() !== undefined) throw login.bug();
  if (setback !== undefined) {
    const hungUp = socket.readableEnded || socket.errored !== null;
    const failure = distrust ?? failureOf(setback, login, { address: name, user: target.user, hungUp });
    throw fail(failure, setback.error);
  }
  prepareKeys(client);
  const { localAddress, localPort, remoteAddress, remotePort } = socket instanceof Socket ? socket : {};
  return {
    name,
    // The near end of a tunnel has this machine's address too, but then sshd is connected to by the far one.
    isHere: (sshConnection) =>
      remoteAddress === localAddress && sshConnection === `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`,
    exec: async (command) => {
      const opened = await openChannel(client, link, command, timeouts.channelMs);
      if ("problem" in opened) throw fail(opened.problem);
      const { stream } = opened;
      return { ...channelOf(stream, link, socket), narrow: () => narrowWindow(client, stream) };
    },
    forward: (address, port) => forwardTo(client, link, { address, port }, timeouts.channelMs),
    gone: link.gone,
    close: () => {
      client.end();
      // Not waiting for the host to hang up too saves a round trip at the end of every command.
      socket.end(() => socket.destroy());
      setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS).unref();
    },
  };
}
