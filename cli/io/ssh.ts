/**
 * The way to a host over SSH; the only door to node-ssh. What is taken of it is the client; the rest of it stays unused:
 * its `execCommand` takes a lost link for success, `exec` ignores exit codes, and uploads never end when the link drops.
 *
 * - No key and no user name is sent to a host before its host key is trusted.
 * - Whatever goes wrong before the link stands is a `ZdrError` of kind `link`.
 * - Once it stands, a link that dies shows in `Channel.closed` and is never thrown out of nowhere.
 * - TCP connects while the libraries load and while known_hosts is read.
 */
import { connect, type Socket } from "node:net";
import { type LinkFailure, ZdrError } from "../failure.ts";
import type { Connection } from "./session/transport.ts";
import { channelOf } from "./ssh/channel.ts";
import { gatherWrites } from "./ssh/gather-writes.ts";
import { type HostTrust, knownHostsPaths, readHostTrust } from "./ssh/host-keys.ts";
import type { KeyRing } from "./ssh/keys.ts";
import { failureOf, loggedIn, openChannel, silenceTimer, watchLink } from "./ssh/link.ts";
import { planLogin } from "./ssh/login.ts";

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
/** Per address of a name that has several. Node's own 250 ms would give up on every far host. */
const NEXT_ADDRESS_AFTER_MS = 3_000;
const LOOKUP_PATIENCE_MS = 5;

export interface SshTarget {
  /** The host's name in messages. */
  readonly name: string;
  /** Host name or IP address, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** `key:` in deploy.yml, in the order to try them; may begin with `~/`. None: the usual files. */
  readonly keyFiles?: readonly string[] | undefined;
  /** `host_key:` in deploy.yml; takes the place of known_hosts, also when it is an empty list. */
  readonly hostKeys?: readonly string[] | undefined;
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
}

/** Connects and logs in. Rejects with a ZdrError of kind `link`. */
export async function connectSsh(target: SshTarget, deps: SshDeps): Promise<Connection> {
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

const linkFailureOf = (error: unknown) =>
  error instanceof ZdrError && error.failure.kind === "link" ? error.failure.link : undefined;

/** A pinned fingerprint may be of another one of the host's keys than the one that it showed. */
const isByFingerprint = ({ expected }: Extract<LinkFailure, { kind: "host-key-changed" }>) =>
  expected.some(({ keyType }) => keyType === "");

async function connectOnce(target: SshTarget, deps: SshDeps, unwantedKeyTypes: readonly string[]): Promise<Connection> {
  const timeouts = { ...DEFAULT_TIMEOUTS, ...deps.timeouts };
  const name = addressOf(target);
  const fail = (link: LinkFailure, cause?: unknown) => new ZdrError({ kind: "link", host: target.name, link }, cause);
  const socket = connect({
    host: target.address,
    port: target.port,
    noDelay: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
  });
  try {
    const [library, trust] = await Promise.all([
      underWay(socket).then(loadLibraries),
      readHostTrust({
        host: target.address,
        port: target.port,
        address: name,
        pins: target.hostKeys,
        knownHosts: deps.knownHosts ?? knownHostsPaths(deps.home),
        unwantedKeyTypes,
      }),
      connected(socket, name, timeouts.connectMs, fail),
    ]);
    if ("problem" in trust) throw fail(trust.problem);
    // What happened to the socket before ssh2 listens to it, ssh2 never hears of.
    if (socket.destroyed || socket.readableEnded) {
      throw fail({ kind: "handshake", address: name, detail: "the host hung up at once" }, socket.errored);
    }
    gatherWrites(socket);
    return await logIn({ target, name, socket, library, trust, keys: deps.keys, timeouts, fail });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

type Fail = (link: LinkFailure, cause?: unknown) => ZdrError;

function addressOf({ user, address, port }: SshTarget): string {
  return `${user}@${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/**
 * Loading keeps this process busy, so the kernel must have been asked to connect before; a name that is still being
 * looked up is not waited for.
 */
function underWay(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("connectionAttempt", () => resolve());
    setTimeout(resolve, LOOKUP_PATIENCE_MS);
  });
}

/** They take 60 ms to load, so only who connects pays for them. */
async function loadLibraries() {
  const [{ NodeSSH }, { default: ssh2 }] = await Promise.all([import("node-ssh"), import("ssh2")]);
  return { NodeSSH, ssh2 };
}

function connected(socket: Socket, address: string, timeoutMs: number, fail: Fail): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(fail({ kind: "connect-timeout", address, timeoutMs })), timeoutMs);
    socket.on("error", (error) => {
      clearTimeout(timer);
      reject(fail({ kind: "unreachable", address, detail: detailOf(error) }, error));
    });
    socket.on("connect", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A name with several addresses fails with one error for each. */
function detailOf(error: Error): string {
  return error instanceof AggregateError
    ? [...new Set(error.errors.map((one: Error) => one.message))].join(", ")
    : error.message;
}

interface LoginParts {
  readonly target: SshTarget;
  readonly name: string;
  readonly socket: Socket;
  readonly library: Awaited<ReturnType<typeof loadLibraries>>;
  readonly trust: HostTrust;
  readonly keys: KeyRing;
  readonly timeouts: SshTimeouts;
  readonly fail: Fail;
}

async function logIn({ target, name, socket, library, trust, keys, timeouts, fail }: LoginParts): Promise<Connection> {
  const silence = silenceTimer(timeouts.handshakeMs);
  const login = planLogin({
    user: target.user,
    ssh2: library.ssh2,
    steps: keys.steps(library.ssh2, target.keyFiles ?? []),
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
  const link = watchLink(client);
  const setback = await loggedIn(client, silence);
  if (login.bug() !== undefined) throw login.bug();
  if (setback !== undefined) {
    const failure = distrust ?? failureOf(setback, login, { address: name, user: target.user });
    throw fail(failure, setback.error);
  }
  return {
    name,
    exec: async (command) => {
      const opened = await openChannel(client, link, command, timeouts.channelMs);
      if ("problem" in opened) throw fail(opened.problem);
      return channelOf(opened.stream, link);
    },
    close: () => {
      client.end();
      // Not waiting for the host to hang up too saves a round trip at the end of every command.
      socket.destroySoon();
      setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS).unref();
    },
  };
}
