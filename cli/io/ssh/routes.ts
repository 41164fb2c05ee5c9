/**
 * The way to each host of a run, over the hosts on the way.
 *
 * - What deploy.yml says wins over the operator's SSH configuration, as a flag of ssh's does.
 * - Every host on the way is checked and logged in to like the last one, under its own name.
 * - Hosts behind the same jump host share one connection to it.
 * - Handshakes with one server are not begun all at once.
 */

import { parseHostAddress } from "../../core/config/rules/host-address.ts";
import type { Login } from "../../core/config/rules/host-entry.ts";
import { DEFAULT_SSH_PORT } from "../../core/known-hosts.ts";
import type { SshHost } from "../../core/plan.ts";
import type { HostSettings } from "../../core/ssh/settings.ts";
import { type LinkFailure, ZdrError } from "../../failure.ts";
import { connectSsh, fetchHostKeys, type SshConnection, type SshDeps, type SshTarget, trustedHost } from "../ssh.ts";
import { type Handshake, handshakes } from "./handshakes.ts";
import { knownHostsPaths, readHostTrust, type ShownKey } from "./host-keys.ts";
import type { KeyRing } from "./keys.ts";
import type { ResolveHost } from "./user-config.ts";
import { type OpenWay, overTcp, throughCommand, throughHost } from "./ways.ts";

export interface RouteOptions {
  /** The name to log in with where neither deploy.yml nor the SSH configuration gives one. */
  readonly user: string;
  readonly home: string;
  readonly keys: KeyRing;
  readonly resolve: ResolveHost;
  readonly onWarning: (text: string) => void;
}

/** How long a host that has let us in may take to say which keys it has; many never do. */
const ANNOUNCEMENT_PATIENCE_MS = 2_000;

export interface Routes {
  connect(host: SshHost): Promise<SshConnection>;
  /** All keys that a host shows, each with what is wrong with it; those on the way to it must be trusted already. */
  showKeys(host: SshHost): Promise<readonly JudgedKey[]>;
  /** The known_hosts files that its key is looked for in, whether they are there or not; none where deploy.yml pins it. */
  searchedFor(host: SshHost): Promise<readonly string[]>;
}

export interface JudgedKey extends ShownKey {
  /** undefined: it is trusted. */
  readonly problem: LinkFailure | undefined;
  /** Where it is trusted. */
  readonly trustedBy: string | undefined;
}

export function routes(options: RouteOptions): Routes {
  const handshake = handshakes();
  const jumps = new Map<string, Promise<SshConnection>>();
  const context: RouteContext = { ...options, handshake, jumps };
  return {
    connect: (host) => connectHop(context, host, []),
    showKeys: async (host) => {
      const { target, deps, server } = await prepare(context, host, []);
      const keys = await handshake(server, () => fetchHostKeys(target, deps));
      const trust = await readHostTrust(trustedHost(target, deps));
      if ("problem" in trust) throw new ZdrError({ kind: "link", host: host.name, link: trust.problem });
      const judged = keys.map((key) => ({
        ...key,
        ...{ problem: trust.judge(blobOf(key)), trustedBy: trust.trustedBy(blobOf(key)) },
      }));
      if (!judged.some(({ problem }) => problem === undefined)) return judged;
      const shown = new Set(keys.map(({ fingerprint }) => fingerprint));
      const coming = (await announcedKeys(context, { target, deps, server })).filter(
        ({ fingerprint }) => !shown.has(fingerprint),
      );
      return [...judged.map(asFurtherKey), ...coming.map((key) => asUnknown(key, target.address))];
    },
    searchedFor: async (host) => {
      if (host.hostKeys.length > 0) return [];
      const files = knownHostsOf(host, await settingsFor(context, host));
      return files.length > 0 ? files : knownHostsPaths(options.home);
    },
  };
}

/** Of a host that another key makes known: one of a type that was never seen has not changed. */
function asFurtherKey(key: JudgedKey): JudgedKey {
  const { problem } = key;
  if (problem?.kind !== "host-key-changed") return key;
  if (problem.expected.some(({ keyType }) => keyType === key.keyType)) return key;
  const { address } = problem;
  return { ...key, problem: { ...key, kind: "host-key-unknown", address, searched: [] } };
}

/** What a trusted host says of its further keys; nothing where it lets nobody in, or says nothing. */
async function announcedKeys(
  { handshake }: RouteContext,
  { target, deps, server }: Prepared,
): Promise<readonly ShownKey[]> {
  let announce: (keys: readonly ShownKey[]) => void = () => {};
  const announced = new Promise<readonly ShownKey[]>((resolve) => {
    announce = resolve;
  });
  try {
    const connection = await handshake(server, () => connectSsh(target, { ...deps, onComingKeys: announce }));
    const timer = setTimeout(() => announce([]), ANNOUNCEMENT_PATIENCE_MS);
    return await announced.finally(() => {
      clearTimeout(timer);
      connection.close();
    });
  } catch (error) {
    if (error instanceof ZdrError) return [];
    throw error;
  }
}

function asUnknown(key: ShownKey, address: string): JudgedKey {
  const problem = { kind: "host-key-unknown", address, searched: [], ...key } as const;
  return { ...key, problem, trustedBy: undefined };
}

/** `name type base64`, as known_hosts has it. */
const blobOf = ({ knownHostsLine }: ShownKey) => Buffer.from(knownHostsLine.split(" ")[2] ?? "", "base64");

interface RouteContext extends RouteOptions {
  readonly handshake: Handshake;
  /** By the whole way to them. */
  readonly jumps: Map<string, Promise<SshConnection>>;
}

/** A machine to log in to: a host of deploy.yml, or one on the way to it. */
type Hop = Pick<SshHost, "name" | keyof Login | "knownHosts" | "jump" | "connectTimeoutMs"> & {
  readonly isJump?: boolean;
};

/** @param behind the jumps that this one is on the way to. */
async function connectHop(context: RouteContext, hop: Hop, behind: readonly string[]): Promise<SshConnection> {
  const { target, deps, server } = await prepare(context, hop, behind);
  return context.handshake(server, () => connectSsh(target, deps));
}

interface Prepared {
  readonly target: SshTarget;
  readonly deps: SshDeps;
  /** Tells servers apart, also those with the same address in different networks. */
  readonly server: string;
}

async function prepare(context: RouteContext, hop: Hop, behind: readonly string[]): Promise<Prepared> {
  const settings = await settingsFor(context, hop);
  const target = targetOf(hop, settings, context.user);
  const way = await wayTo(context, hop, settings, behind);
  const knownHosts = knownHostsOf(hop, settings);
  return {
    target,
    deps: {
      ...{ home: context.home, keys: context.keys, way: way.open, timeouts: { connectMs: hop.connectTimeoutMs } },
      ...(knownHosts.length > 0 ? { knownHosts } : {}),
      revokedKeys: settings?.revokedHostKeys,
      onComingKeys: (keys) => {
        for (const key of keys) context.onWarning(comingWords(target, key));
      },
    },
    server: `${way.place}${target.address}:${target.port}`,
  };
}

async function settingsFor({ resolve }: RouteContext, hop: Hop): Promise<HostSettings | undefined> {
  const settings = await resolve({ alias: hop.address, user: hop.user, port: hop.port });
  if (settings === undefined || !("problem" in settings)) return settings;
  throw new ZdrError({ kind: "link", host: hop.name, link: settings.problem });
}

/** Empty: the usual files. */
const knownHostsOf = (hop: Pick<Hop, "knownHosts">, settings: HostSettings | undefined): readonly string[] =>
  hop.knownHosts.length > 0 ? hop.knownHosts : (settings?.knownHosts ?? []);

function comingWords({ name, address }: SshTarget, { keyType, fingerprint }: ShownKey): string {
  const host = name === address ? name : `${name} (${address})`;
  return `${host} has a new ${keyType} key beside the known one: ${fingerprint}; it is not trusted yet: zdr trust`;
}

function targetOf(hop: Hop, settings: HostSettings | undefined, user: string): SshTarget {
  const { name, hostKeys } = hop;
  const keys =
    hop.keys.length > 0 || settings === undefined
      ? { files: hop.keys }
      : { files: settings.identityFiles, mayBeMissing: true, isOnly: settings.identitiesOnly };
  return {
    isJump: hop.isJump,
    ...{ name, address: settings?.hostname ?? hop.address, port: hop.port ?? settings?.port ?? DEFAULT_SSH_PORT },
    user: hop.user ?? settings?.user ?? user,
    keys: { ...keys, certificates: settings?.certificateFiles, agentSocket: settings?.identityAgent },
    hostKeys: hostKeys.length > 0 ? hostKeys : undefined,
    hostKeyAlias: settings?.hostKeyAlias,
  };
}

interface HopWay {
  readonly open: OpenWay;
  /** Tells servers of the same address in different networks apart. */
  readonly place: string;
}

async function wayTo(
  context: RouteContext,
  hop: Hop,
  settings: HostSettings | undefined,
  behind: readonly string[],
): Promise<HopWay> {
  const fail = (detail: string) => new ZdrError({ kind: "link", host: hop.name, link: { kind: "ssh-config", detail } });
  const chain = hop.jump ?? (settings?.jumps ?? []).map((word) => jumpOf(word, fail));
  if (chain.length > 0) {
    const place = JSON.stringify(chain);
    // Waiting for it would be waiting for ourselves.
    if (behind.includes(place)) throw fail(`the jump host ${chain.at(-1)?.address} leads back to itself`);
    const jump = context.jumps.get(place) ?? openJump(context, hop, chain, [...behind, place]);
    if (!context.jumps.has(place)) keepWhileItLives(context.jumps, place, jump);
    return { open: throughHost(await jump), place };
  }
  if (hop.jump === undefined && settings?.proxyCommand !== undefined) {
    return { open: throughCommand(settings.proxyCommand), place: settings.proxyCommand };
  }
  return { open: overTcp, place: "" };
}

/** Whoever comes after it has died gets a new one. */
function keepWhileItLives(
  jumps: Map<string, Promise<SshConnection>>,
  place: string,
  jump: Promise<SshConnection>,
): void {
  jumps.set(place, jump);
  const forget = () => {
    if (jumps.get(place) === jump) jumps.delete(place);
  };
  jump.then(({ gone }) => gone).then(forget, forget);
}

/** A hop of ProxyJump: `[user@]host[:port]`, or the same as an ssh:// URI. */
function jumpOf(word: string, fail: (detail: string) => ZdrError): Login {
  const parsed = parseHostAddress(word.replace(/^ssh:\/\/([^/]*)\/?$/, "$1"));
  if ("problem" in parsed) throw fail(`the jump host ${word} ${parsed.problem}`);
  return { ...parsed.ok, keys: [], hostKeys: [] };
}

/** The last one of the chain, reached over the others; what a configuration says of the way to it counts only for the first. */
function openJump(
  context: RouteContext,
  { name, knownHosts, connectTimeoutMs }: Hop,
  chain: readonly Login[],
  behind: readonly string[],
): Promise<SshConnection> {
  const last = chain.at(-1);
  if (last === undefined) throw new Error("a chain of no hosts leads nowhere");
  const before = chain.slice(0, -1);
  const hop = {
    ...last,
    isJump: true,
    name,
    knownHosts,
    connectTimeoutMs,
    ...(before.length > 0 ? { jump: before } : {}),
  };
  return connectHop(context, hop, behind);
}
