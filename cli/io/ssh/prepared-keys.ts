import { createSecretKey } from "node:crypto";
import type { Client } from "ssh2";

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
