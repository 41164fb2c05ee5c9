/** Where trust in host keys comes from on this machine. What cannot be read for certain stops the connection. */
import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  fingerprintOf,
  type HostKeyAlgorithm,
  type HostKeyHashes,
  type HostKeyVerdict,
  hostKeyAlgorithms,
  judgeHostKey,
  judgePinnedKey,
  type KnownHostsFile,
  knownHostsLine,
  knownKeyTypes,
  knownName,
  listedAt,
  parsePin,
  pinnedKeyTypes,
} from "../../core/known-hosts.ts";
import { keyTypeOf } from "../../core/ssh/wire.ts";
import type { LinkFailure } from "../../failure.ts";

/** ssh_config(5), GlobalKnownHostsFile. */
export const SYSTEM_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts";
/** Where a pinned key stands, for messages. */
export const PIN_PLACE = "host_key in deploy.yml";

export const hostKeyHashes: HostKeyHashes = {
  sha256: (bytes) => createHash("sha256").update(bytes).digest(),
  hmacSha1: (key, text) => createHmac("sha1", key).update(text).digest(),
};

export interface HostTrust {
  /** Signature algorithms to ask the host for, those of the trusted keys first. */
  readonly algorithms: readonly HostKeyAlgorithm[];
  /** What is wrong with the key that the host shows; undefined: it is trusted. */
  judge(keyBlob: Buffer): LinkFailure | undefined;
  /** `file:line`, or that it is pinned; undefined: it is not trusted. */
  trustedBy(keyBlob: Buffer): string | undefined;
}

export type ShownKey = Pick<
  Extract<LinkFailure, { kind: "host-key-unknown" }>,
  "keyType" | "fingerprint" | "knownHostsLine"
>;

export interface TrustedHost {
  readonly host: string;
  readonly port: number;
  /** For messages: `deploy@web1:22`. */
  readonly address: string;
  /** The host's name in deploy.yml; absent: it is on the way to one. */
  readonly listedAs?: string | undefined;
  /** Pins take the place of known_hosts. */
  readonly pins: readonly string[] | undefined;
  readonly knownHosts: readonly string[];
  /** A file of keys that no host may show, wherever else they are trusted (ssh_config(5), RevokedHostKeys). */
  readonly revokedKeys?: string | undefined;
  /** The host is not asked for its keys of these types. */
  readonly unwantedKeyTypes: readonly string[];
}

/** The files that ssh searches too (ssh_config(5), UserKnownHostsFile), in its order. */
export function knownHostsPaths(home: string): readonly string[] {
  return [join(home, ".ssh", "known_hosts"), join(home, ".ssh", "known_hosts2"), SYSTEM_KNOWN_HOSTS];
}

/** Reads what is needed to judge one host's key, or says why that cannot be done. */
export async function readHostTrust(target: TrustedHost): Promise<HostTrust | { readonly problem: LinkFailure }> {
  const { host, port, pins, revokedKeys, unwantedKeyTypes } = target;
  const revoked = revokedKeys === undefined ? undefined : await readRevoked(revokedKeys);
  if (revoked !== undefined && "problem" in revoked) return revoked;
  const unlessRevoked = (keyBlob: Buffer, judge: () => HostKeyVerdict): HostKeyVerdict => {
    const place = revoked && listedAt(revoked, keyBlob);
    return place === undefined ? judge() : { verdict: "revoked", place };
  };
  if (pins !== undefined) {
    const parsed = pins.flatMap((pin) => parsePin(pin) ?? []);
    const verdictOn = (keyBlob: Buffer) =>
      unlessRevoked(keyBlob, () => judgePinnedKey(parsed, keyBlob, PIN_PLACE, hostKeyHashes));
    return {
      algorithms: hostKeyAlgorithms(pinnedKeyTypes(parsed), unwantedKeyTypes),
      judge: (keyBlob) => problemOf(verdictOn(keyBlob), keyBlob, target, []),
      trustedBy: (keyBlob) => placeOf(verdictOn(keyBlob)),
    };
  }
  const read = await readKnownHosts(target.knownHosts);
  if ("problem" in read) return read;
  const searched = read.map(({ path }) => path);
  const verdictOn = (keyBlob: Buffer) =>
    unlessRevoked(keyBlob, () => judgeHostKey(read, { host, port, keyBlob }, hostKeyHashes));
  return {
    algorithms: hostKeyAlgorithms(knownKeyTypes(read, host, port, hostKeyHashes), unwantedKeyTypes),
    judge: (keyBlob) => problemOf(verdictOn(keyBlob), keyBlob, target, searched),
    trustedBy: (keyBlob) => placeOf(verdictOn(keyBlob)),
  };
}

/** How ssh-keygen -k begins its lists (OpenSSH's PROTOCOL.krl). */
const KRL_MAGIC = "SSHKRL\n";

/** As ssh does: where it can not be read, no key is trusted. */
async function readRevoked(path: string): Promise<KnownHostsFile | { readonly problem: LinkFailure }> {
  try {
    const text = await readFile(path, "utf8");
    if (!text.startsWith(KRL_MAGIC)) return { path, text };
    const detail = `${path} (RevokedHostKeys) is a list of ssh-keygen -k, which needs transport: openssh`;
    return { problem: { kind: "ssh-config", detail } };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return { problem: { kind: "known-hosts-unreadable", path, code } };
  }
}

/**
 * Of the keys that a host has shown to be its own, after its login key was trusted (OpenSSH's PROTOCOL, hostkeys-00): those that
 * stand beside a known one of the same type. It is about to go over to them. They are told of, and not trusted by that.
 */
export function comingKeys(trust: HostTrust, { host, port }: TrustedHost, keyBlobs: readonly Buffer[]): ShownKey[] {
  return keyBlobs.flatMap((keyBlob) => {
    const problem = trust.judge(keyBlob);
    if (problem?.kind !== "host-key-changed") return [];
    const { keyType, fingerprint, expected } = problem;
    if (!expected.some((key) => key.keyType === keyType)) return [];
    return [{ keyType, fingerprint, knownHostsLine: knownHostsLine({ host, port, keyBlob }) }];
  });
}

/** Those of the files that are there. One that is there and cannot be read might revoke a key, so it is a problem. */
export async function readKnownHosts(
  paths: readonly string[],
): Promise<readonly KnownHostsFile[] | { readonly problem: LinkFailure }> {
  const files: KnownHostsFile[] = [];
  for (const path of paths) {
    try {
      files.push({ path, text: await readFile(path, "utf8") });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      if (code !== "ENOENT") return { problem: { kind: "known-hosts-unreadable", path, code } };
    }
  }
  return files;
}

function placeOf(verdict: HostKeyVerdict): string | undefined {
  return verdict.verdict === "known" ? verdict.place : undefined;
}

function problemOf(
  verdict: HostKeyVerdict,
  keyBlob: Buffer,
  { address, listedAs, host, port }: TrustedHost,
  searched: readonly string[],
): LinkFailure | undefined {
  const fingerprint = fingerprintOf(keyBlob, hostKeyHashes);
  const keyType = keyTypeOf(keyBlob) ?? "";
  switch (verdict.verdict) {
    case "known":
      return undefined;
    case "unknown": {
      const line = knownHostsLine({ host, port, keyBlob });
      const about = { address, listedAs, keyType, fingerprint, searched };
      return { kind: "host-key-unknown", ...about, knownHostsLine: line };
    }
    case "changed": {
      const names = { knownName: knownName(host, port), knownHostsLine: knownHostsLine({ host, port, keyBlob }) };
      return {
        kind: "host-key-changed",
        address,
        listedAs,
        keyType,
        fingerprint,
        expected: verdict.expected,
        ...names,
      };
    }
    case "revoked":
      return { kind: "host-key-revoked", address, fingerprint, place: verdict.place };
    case "authority":
      return { kind: "host-key-authority", address, place: verdict.place };
  }
}
