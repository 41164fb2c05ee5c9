/**
 * Which host keys are trusted: known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) or keys pinned in deploy.yml.
 *
 * - A key is trusted only by a line that names this very host and holds this very key.
 * - A key marked `@revoked` for the host is refused, whatever other lines say.
 * - A line that cannot be understood trusts nothing and breaks nothing.
 * - `@cert-authority` never trusts a key, because ssh2 cannot check host certificates; it is reported.
 */
import { matchesWildcards } from "./fleet/wildcards.ts";
import { keyTypeOf, parsePublicKey } from "./ssh/wire.ts";

export interface KnownHostsFile {
  readonly path: string;
  readonly text: string;
}

/** node:crypto's, handed in so that judging stays pure. */
export interface HostKeyHashes {
  sha256(bytes: Uint8Array): Buffer;
  hmacSha1(key: Uint8Array, text: string): Buffer;
}

export interface OfferedKey {
  readonly host: string;
  readonly port: number;
  readonly keyBlob: Buffer;
}

/** A key that was expected instead; `keyType` is empty for a pinned fingerprint. `place` is `file:line`. */
export interface ExpectedKey {
  readonly keyType: string;
  readonly fingerprint: string;
  readonly place: string;
  /** The known_hosts file that holds it; absent for a pin. */
  readonly file?: string;
  /** The line names the host by a pattern, and may stand for others too. */
  readonly isPattern?: boolean;
}

export type HostKeyVerdict =
  | { readonly verdict: "known"; readonly place: string }
  | { readonly verdict: "unknown" }
  | { readonly verdict: "changed"; readonly expected: readonly ExpectedKey[] }
  | { readonly verdict: "revoked"; readonly place: string }
  | { readonly verdict: "authority"; readonly place: string };

interface Line {
  readonly marker: "revoked" | "cert-authority" | undefined;
  readonly names: string;
  readonly key: string;
  readonly file: string;
  readonly place: string;
}

interface KnownKey {
  readonly marker: Line["marker"];
  readonly keyType: string;
  readonly keyBlob: Buffer;
  readonly file: string;
  readonly place: string;
  readonly isPattern: boolean;
}

export const DEFAULT_SSH_PORT = 22;

/** The name as known_hosts spells it, and as `ssh-keygen -R` takes it. */
export function knownName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === DEFAULT_SSH_PORT ? name : `[${name}]:${port}`;
}

/** `SHA256:…`, as ssh-keygen and OpenSSH print it: base64 without padding. */
export function fingerprintOf(keyBlob: Uint8Array, hashes: HostKeyHashes): string {
  return `SHA256:${hashes.sha256(keyBlob).toString("base64").replace(/=+$/, "")}`;
}

/** The line that would make a key known. */
export function knownHostsLine({ host, port, keyBlob }: OfferedKey): string {
  return `${knownName(host, port)} ${keyTypeOf(keyBlob)} ${keyBlob.toString("base64")}`;
}

/** Judges the key that a host shows by all files together. */
export function judgeHostKey(
  files: readonly KnownHostsFile[],
  offered: OfferedKey,
  hashes: HostKeyHashes,
): HostKeyVerdict {
  const isOffered = ({ keyBlob }: KnownKey) => keyBlob.equals(offered.keyBlob);
  const named = [...keysFor(files, knownName(offered.host, offered.port), hashes)];
  // ssh falls back to the line without a port, but only to trust the same key (sshconnect.c, check_host_key).
  const plain = [...keysFor(files, knownName(offered.host, DEFAULT_SSH_PORT), hashes)];

  const revoked = [...named, ...plain].find((key) => key.marker === "revoked" && isOffered(key));
  if (revoked !== undefined) return { verdict: "revoked", place: revoked.place };

  const trusted = named.filter((key) => key.marker === undefined);
  const known = (trusted.length > 0 ? trusted : plain).find((key) => key.marker === undefined && isOffered(key));
  if (known !== undefined) return { verdict: "known", place: known.place };
  if (trusted.length > 0) return { verdict: "changed", expected: trusted.map((key) => expectedLine(key, hashes)) };

  const authority = named.find((key) => key.marker === "cert-authority");
  return authority === undefined ? { verdict: "unknown" } : { verdict: "authority", place: authority.place };
}

/** Where a key stands in a file of public keys, one a line; undefined: it does not. */
export function listedAt({ path, text }: KnownHostsFile, keyBlob: Buffer): string | undefined {
  const at = text.split("\n").findIndex((line) => parsePublicKey(line)?.keyBlob.equals(keyBlob));
  return at < 0 ? undefined : `${path}:${at + 1}`;
}

/** The types of the keys that are known for a host, in the order of the files. */
export function knownKeyTypes(
  files: readonly KnownHostsFile[],
  host: string,
  port: number,
  hashes: HostKeyHashes,
): readonly string[] {
  const typesUnder = (name: string) =>
    [...keysFor(files, name, hashes)].filter((key) => key.marker === undefined).map((key) => key.keyType);
  const types = typesUnder(knownName(host, port));
  return [...new Set(types.length > 0 ? types : typesUnder(knownName(host, DEFAULT_SSH_PORT)))];
}

/** Signature algorithms for a host's key, best first. SHA-1 (`ssh-rsa`) and DSA are not offered. */
const HOST_KEY_ALGORITHMS = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
] as const;
export type HostKeyAlgorithm = (typeof HOST_KEY_ALGORITHMS)[number];

/** All but those of unwanted key types, those of known ones first: a host shows the first key that it has. */
export function hostKeyAlgorithms(
  knownTypes: readonly string[],
  unwantedTypes: readonly string[] = [],
): HostKeyAlgorithm[] {
  const isOf = (types: readonly string[]) => (algorithm: HostKeyAlgorithm) =>
    types.includes(algorithm.startsWith("rsa-") ? "ssh-rsa" : algorithm);
  const wanted = HOST_KEY_ALGORITHMS.filter((algorithm) => !isOf(unwantedTypes)(algorithm));
  const isKnown = isOf(knownTypes);
  return [...wanted.filter(isKnown), ...wanted.filter((algorithm) => !isKnown(algorithm))];
}

// ---------------------------------------------------------------------------------------------------------------------
// Keys pinned in deploy.yml
// ---------------------------------------------------------------------------------------------------------------------

export type HostKeyPin =
  | { readonly kind: "key"; readonly keyType: string; readonly keyBlob: Buffer }
  | { readonly kind: "fingerprint"; readonly fingerprint: string };

/** Reads `ssh-ed25519 AAAA… comment` or `SHA256:…`; undefined is neither. */
export function parsePin(text: string): HostKeyPin | undefined {
  const fingerprint = /^(SHA256:[A-Za-z0-9+/]{43})=?$/.exec(text.trim())?.[1];
  if (fingerprint !== undefined) return { kind: "fingerprint", fingerprint };
  const key = parsePublicKey(text);
  return key === undefined ? undefined : { kind: "key", ...key };
}

/** The types of the pinned keys; a fingerprint does not say which type it is of. */
export function pinnedKeyTypes(pins: readonly HostKeyPin[]): readonly string[] {
  return [...new Set(pins.flatMap((pin) => (pin.kind === "key" ? [pin.keyType] : [])))];
}

/** As `judgeHostKey`, by pins alone; `place` says where they stand. */
export function judgePinnedKey(
  pins: readonly HostKeyPin[],
  keyBlob: Buffer,
  place: string,
  hashes: HostKeyHashes,
): HostKeyVerdict {
  const offered = fingerprintOf(keyBlob, hashes);
  const expected = pins.map((pin) =>
    pin.kind === "key" ? expectedKey({ ...pin, place }, hashes) : { keyType: "", fingerprint: pin.fingerprint, place },
  );
  return expected.some(({ fingerprint }) => fingerprint === offered)
    ? { verdict: "known", place }
    : { verdict: "changed", expected };
}

// ---------------------------------------------------------------------------------------------------------------------

function expectedKey(
  { keyType, keyBlob, place }: Pick<KnownKey, "keyType" | "keyBlob" | "place">,
  hashes: HostKeyHashes,
): ExpectedKey {
  return { keyType, fingerprint: fingerprintOf(keyBlob, hashes), place };
}

function expectedLine(key: KnownKey, hashes: HostKeyHashes): ExpectedKey {
  return { ...expectedKey(key, hashes), file: key.file, ...(key.isPattern ? { isPattern: true } : {}) };
}

function* keysFor(files: readonly KnownHostsFile[], name: string, hashes: HostKeyHashes): Generator<KnownKey> {
  for (const { marker, names, key, file, place } of files.flatMap(linesOf)) {
    if (!namesHost(names, name, hashes)) continue;
    const parsed = parsePublicKey(key);
    if (parsed !== undefined) yield { marker, ...parsed, file, place, isPattern: isByPattern(names, name) };
  }
}

function linesOf({ path, text }: KnownHostsFile): readonly Line[] {
  return text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .flatMap((line, index) => parseLine(line, path, index + 1) ?? []);
}

function parseLine(text: string, file: string, number: number): Line | undefined {
  // Trimmed first: a pattern that also looks for the blanks at the end looks for them from each blank on.
  const [, sign, names, key] = /^(?:@(\S+)[ \t]+)?([^\s#@]\S*)[ \t]+(\S.*)$/.exec(text.trim()) ?? [];
  if (names === undefined || key === undefined) return undefined;
  if (sign !== undefined && sign !== "revoked" && sign !== "cert-authority") return undefined;
  return { marker: sign, names, key, file, place: `${file}:${number}` };
}

/** Whether a line's first field means this host: hashed, or a list of patterns of which none negated may fit. */
function namesHost(names: string, name: string, hashes: HostKeyHashes): boolean {
  if (names.startsWith("|")) return isHashOf(names, name, hashes);
  const patterns = names.toLowerCase().split(",");
  const isMeant = (pattern: string) => matchesWildcards(name, pattern);
  return (
    patterns.some((pattern) => !pattern.startsWith("!") && isMeant(pattern)) &&
    !patterns.some((pattern) => pattern.startsWith("!") && isMeant(pattern.slice(1)))
  );
}

/** Whether no name of the list is the very one. */
function isByPattern(names: string, name: string): boolean {
  return !names.startsWith("|") && !names.toLowerCase().split(",").includes(name);
}

/** `|1|salt|hash`: HMAC-SHA1 of the name with the salt as key. */
function isHashOf(names: string, name: string, hashes: HostKeyHashes): boolean {
  const [, salt, hash] = /^\|1\|([A-Za-z0-9+/=]+)\|([A-Za-z0-9+/=]+)$/.exec(names) ?? [];
  if (salt === undefined || hash === undefined) return false;
  return hashes.hmacSha1(Buffer.from(salt, "base64"), name).equals(Buffer.from(hash, "base64"));
}
