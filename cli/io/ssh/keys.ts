/**
 * The keys that a host is offered, one after the other: those of the agent, then those in files.
 *
 * - Chosen key files (`key:`) come first, also where the agent holds them, so that other keys do not use up the attempts
 *   that a host allows (sshd_config(5), MaxAuthTries).
 * - A key that the agent holds is never opened from its file, so nobody is asked for a passphrase needlessly.
 * - A passphrase is asked for only after the host has said that it would take the key, as long as the public half of an
 *   encrypted key can be read; and only where there is somebody to ask.
 * - Nothing that could have been tried goes unmentioned: what is left out is a step of its own, with its reason.
 */
import { join } from "node:path";
import type { ParsedKey, SignCallback } from "ssh2";
import { fingerprintOf } from "../../core/known-hosts.ts";
import { unsupportedKeyType } from "../../core/ssh/key-file.ts";
import { keyTypeOf } from "../../core/ssh/wire.ts";
import type { AuthAttempt } from "../../failure.ts";
import { type AgentIdentity, listIdentities } from "./agent.ts";
import { hostKeyHashes } from "./host-keys.ts";
import { type AskPassphrase, isThere, type KeyOnDisk, keyFiles, parseKey, type Ssh2 } from "./key-files.ts";

export interface KeySources {
  /** For `~` and the default key files. */
  readonly home: string;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket?: string | undefined;
  /** Absent where there is no terminal to ask on. */
  readonly askPassphrase?: AskPassphrase | undefined;
}

export interface KeyOffer {
  /** For messages: the path of the key file, or `agent key SHA256:…`. */
  readonly what: string;
  readonly publicKey: ParsedKey;
  /** The key itself, where nobody has to be asked for it. */
  readonly atHand?: ParsedKey;
  /** Rejects with a message for the operator. `hash` is given for RSA keys only. */
  sign(data: Buffer, hash: SignatureHash | undefined): Promise<Buffer>;
}
export type SignatureHash = "sha1" | "sha256" | "sha512";

export type KeyStep =
  | { readonly kind: "offer"; readonly offer: KeyOffer }
  | { readonly kind: "skip"; readonly attempt: AuthAttempt }
  /** A chosen key file is of no use, so its owner must look. */
  | { readonly kind: "unusable"; readonly path: string; readonly detail: string };

/** Which keys one host is offered. */
export interface KeyChoice {
  /** In the order to try them, also where the agent holds them; may begin with `~/`. None: the default files. */
  readonly files: readonly string[];
  /** Only told, where they are there: ssh would offer them (ssh_config(5), CertificateFile). */
  readonly certificates?: readonly string[] | undefined;
  /** They come from an SSH configuration, which may name files that are not there. */
  readonly mayBeMissing?: boolean;
  /** What else the agent holds is not offered (ssh_config(5), IdentitiesOnly). */
  readonly isOnly?: boolean;
  /** Another agent's socket instead of the user's; `none`: no agent (ssh_config(5), IdentityAgent). */
  readonly agentSocket?: string | undefined;
}

export interface KeyRing {
  /** What to offer to one host, in order, each thing read or asked for in its turn. */
  steps(ssh2: Ssh2, choice: KeyChoice): AsyncGenerator<KeyStep, void>;
}

export const DEFAULT_KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"] as const;
/** Only mentioned, when they are there: their owner expects them to work. */
const UNSUPPORTED_KEYS = ["id_ed25519_sk", "id_ecdsa_sk", "id_dsa"];

interface Agent {
  readonly held: AgentKeys;
  readonly socket: string | undefined;
}

type AgentKeys = { readonly identities: readonly AgentIdentity[] } | { readonly problem: string };

/** The keys of one user, for all hosts of a run. */
export function keyRing({ home, askPassphrase, ...sources }: KeySources): KeyRing {
  const usersAgent = sources.agentSocket === "" ? undefined : sources.agentSocket;
  const files = keyFiles();
  const agents = new Map<string, Promise<AgentKeys>>();
  const inHome = (name: string) => join(home, ".ssh", name);
  const heldBy = (socket: string | undefined): Promise<AgentKeys> => {
    if (socket === undefined) return Promise.resolve({ identities: [] });
    const held = agents.get(socket) ?? readAgent(socket);
    agents.set(socket, held);
    return held;
  };

  async function* fileSteps(ssh2: Ssh2, path: string, tried: Set<string>): AsyncGenerator<KeyStep, void> {
    const file = await files.load(path);
    if (file.kind !== "private") return yield skip(path, whyNot(file));
    if (file.hasCertificate) yield* certificateStep(`${path}-cert.pub`, tried);
    if (file.publicBlob !== undefined && tried.has(file.publicBlob.toString("base64"))) return;
    yield await privateKeyStep(ssh2, path, file);
  }

  async function privateKeyStep(
    ssh2: Ssh2,
    path: string,
    file: Extract<KeyOnDisk, { kind: "private" }>,
  ): Promise<KeyStep> {
    if (!file.isEncrypted) {
      const key = parseKey(ssh2, file.text);
      if (key === undefined) return skip(path, "is no key that can be read");
      return { kind: "offer", offer: { ...offerOf(path, key, async () => key), atHand: key } };
    }
    if (askPassphrase === undefined) {
      return skip(path, "is encrypted, and there is no terminal to ask for its passphrase");
    }
    const open = () => files.unlock(ssh2, path, file.text, askPassphrase);
    const publicKey = file.publicBlob === undefined ? await open() : parseKey(ssh2, file.publicBlob);
    if (publicKey === undefined) return skip(path, "no passphrase opened it");
    return { kind: "offer", offer: offerOf(path, publicKey, open) };
  }

  async function* chosenSteps(
    ssh2: Ssh2,
    path: string,
    { held, socket, mayBeMissing }: Agent & { readonly mayBeMissing: boolean },
    tried: Set<string>,
  ): AsyncGenerator<KeyStep, void> {
    const file = await files.load(path);
    if (file.kind === "absent" || file.kind === "unsupported") {
      return yield mayBeMissing ? skip(path, whyNot(file)) : { kind: "unusable", path, detail: whyNot(file) };
    }
    const inAgent = identitiesOf(held).filter(({ publicBlob }) => file.publicBlob?.equals(publicBlob));
    yield* offerAgentKeys(ssh2, socket ?? "", inAgent, tried);
    if (file.kind === "private") yield* fileSteps(ssh2, path, tried);
    else if (inAgent.length === 0) yield skip(path, whyNot(file));
  }

  return {
    async *steps(
      ssh2,
      { files: chosen, certificates = [], mayBeMissing = false, isOnly = false, agentSocket = usersAgent },
    ) {
      const tried = new Set<string>();
      for (const path of certificates) if (await isThere(path)) yield* certificateStep(path, tried);
      const socket = agentSocket === "none" ? undefined : agentSocket;
      const held = await heldBy(socket);
      for (const path of chosen) {
        yield* chosenSteps(ssh2, expandHome(path, home), { held, socket, mayBeMissing }, tried);
      }
      if (socket !== undefined && !isOnly) {
        if ("problem" in held) yield skip(`agent at ${socket}`, held.problem);
        yield* offerAgentKeys(ssh2, socket, identitiesOf(held), tried);
      }
      if (chosen.length > 0) return;
      for (const name of DEFAULT_KEYS) yield* fileSteps(ssh2, inHome(name), tried);
      for (const name of UNSUPPORTED_KEYS) {
        const file = await files.load(inHome(name));
        if (file.kind !== "absent") yield skip(inHome(name), whyNot(file));
      }
    },
  };
}

/** `~` and `~/…` only: other users' homes are not looked up. */
export function expandHome(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}

/** Once, whichever way it is named. */
function* certificateStep(path: string, tried: Set<string>): Generator<KeyStep, void> {
  if (tried.has(path)) return;
  tried.add(path);
  yield skip(path, "certificates need transport: openssh");
}

function* offerAgentKeys(
  ssh2: Ssh2,
  socket: string,
  identities: readonly AgentIdentity[],
  tried: Set<string>,
): Generator<KeyStep, void> {
  for (const { publicBlob } of identities) {
    const id = publicBlob.toString("base64");
    if (tried.has(id)) continue;
    tried.add(id);
    const what = `agent key ${fingerprintOf(publicBlob, hostKeyHashes)}`;
    const problem = unsupportedKeyType(keyTypeOf(publicBlob) ?? "");
    const publicKey = problem === undefined ? parseKey(ssh2, publicBlob) : undefined;
    if (publicKey === undefined) yield skip(what, problem ?? "is of a type that is not supported");
    else yield { kind: "offer", offer: { what, publicKey, sign: agentSigner(ssh2, socket, publicKey) } };
  }
}

function agentSigner(ssh2: Ssh2, socket: string, publicKey: ParsedKey): KeyOffer["sign"] {
  return (data, hash) =>
    new Promise((resolve, reject) => {
      const done: SignCallback = (error, signature) => {
        if (signature !== undefined && !error) resolve(signature);
        else reject(new Error("the agent did not sign", { cause: error }));
      };
      ssh2.createAgent(socket).sign(publicKey, data, hash === undefined ? {} : { hash }, done);
    });
}

function offerOf(what: string, publicKey: ParsedKey, open: () => Promise<ParsedKey | undefined>): KeyOffer {
  const sign: KeyOffer["sign"] = async (data, hash) => {
    const key = await open();
    if (key === undefined) throw new Error("no passphrase opened it");
    const signature: Buffer | Error = key.sign(data, hash);
    if (signature instanceof Error) throw new Error("it could not sign", { cause: signature });
    return signature;
  };
  return { what, publicKey, sign };
}

async function readAgent(socket: string): Promise<AgentKeys> {
  try {
    const identities = await listIdentities(socket);
    return identities.length === 0 ? { problem: "holds no keys" } : { identities };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

const identitiesOf = (held: AgentKeys) => ("identities" in held ? held.identities : []);

function skip(what: string, outcome: string): KeyStep {
  return { kind: "skip", attempt: { what, outcome } };
}

function whyNot(file: KeyOnDisk): string {
  switch (file.kind) {
    case "absent":
      return "no such file";
    case "unsupported":
      return file.detail;
    case "public":
    case "private":
      return "is only the public half, and the agent does not hold the private one";
  }
}
