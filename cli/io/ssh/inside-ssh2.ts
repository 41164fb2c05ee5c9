/** What is changed inside a client of ssh2's, for which it has no option. A client that is made otherwise is left as it is. */
import { createSecretKey } from "node:crypto";
import type { Client, ClientChannel, ParsedKey } from "ssh2";
import type { SignatureHash } from "./keys.ts";

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void;
type AuthPK = (user: string, key: ParsedKey, algorithm?: string, sign?: Sign) => void;

/** RFC 8332 §3, and RFC 4253 §6.6 for the last; other keys have one hash each, which they know. */
const HASHES: Readonly<Record<string, SignatureHash>> = {
  "rsa-sha2-256": "sha256",
  "rsa-sha2-512": "sha512",
  "ssh-rsa": "sha1",
};

/**
 * Has a key that lies here open sign the first time that it is offered. ssh2 asks first whether the host would take it, which
 * RFC 4252 §7 leaves to the client: it spares work where somebody must be asked to sign, and costs a round trip everywhere.
 *
 * @param atHand the key that is being offered, if it needs nobody.
 */
export function signAtOnce(client: Client, atHand: () => ParsedKey | undefined): void {
  const { _protocol: protocol } = client as unknown as { _protocol?: { authPK?: AuthPK } };
  const authPK = protocol?.authPK?.bind(protocol);
  if (protocol === undefined || authPK === undefined) return;
  protocol.authPK = (user, key, algorithm, sign) => {
    const own = sign === undefined ? atHand() : undefined;
    if (own === undefined) return authPK(user, key, algorithm, sign);
    authPK(user, key, algorithm, (data, done) => {
      const signature: Buffer | Error = own.sign(data, HASHES[algorithm ?? ""]);
      // Asked first after all, so that what is wrong with it is told as of any other key.
      if (signature instanceof Error) authPK(user, key, algorithm);
      else done(signature);
    });
  };
}

type Parts = Record<string, unknown>;

/** What ciphers of ssh2's (lib/protocol/crypto.js) hand to node:crypto with each packet: `_encKey`, `_decipherKey`, `_macKey`, … */
const KEY = /^_[a-z]+Key/;

/**
 * Turns the keys of a connection into KeyObjects. ssh2 makes a new cipher for every packet, since each has a nonce of its own,
 * and where the key is a buffer Node takes 20 µs longer to do so: as long as the encryption. After the keys have been
 * exchanged anew they are buffers again, which works, only slower.
 */
export function prepareKeys(client: Client): void {
  const { _protocol: protocol } = client as unknown as { _protocol?: { _cipher?: Parts; _decipher?: Parts } };
  for (const parts of [protocol?._cipher, protocol?._decipher]) {
    for (const [name, key] of Object.entries(parts ?? {})) {
      if (parts && KEY.test(name) && Buffer.isBuffer(key)) parts[name] = createSecretKey(key);
    }
  }
}

/** It gives back what was read by every 96 KiB; another server may wait until half of its window is used, which would be for ever. */
const GIVES_BACK_EARLY = /^OpenSSH_/;
const NEAR_WINDOW_BYTES = 512 * 1024;

/**
 * Has no more than NEAR_WINDOW_BYTES on the way to a command on this very machine, where nothing is won by more. sshd keeps what the
 * command has not read yet in one piece, and makes a new and larger one for each packet that comes on top: with the 2 MiB
 * that it would take, half of its processor time goes into copying that.
 */
export function narrowWindow(client: Client, stream: ClientChannel): void {
  const { _remoteVer: version } = client as unknown as { _remoteVer?: unknown };
  const { outgoing } = stream as unknown as { outgoing?: { window?: unknown } };
  if (typeof version !== "string" || !GIVES_BACK_EARLY.test(version)) return;
  if (typeof outgoing?.window === "number") outgoing.window = Math.min(outgoing.window, NEAR_WINDOW_BYTES);
}
