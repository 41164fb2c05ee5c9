/** `count` length-prefixed strings (RFC 4251 §5) from `offset` on, or undefined where the bytes end too early. */
export function readStrings(
  bytes: Buffer,
  count: number,
  offset = 0,
): { readonly values: readonly Buffer[]; readonly end: number } | undefined {
  const values: Buffer[] = [];
  let end = offset;
  for (let i = 0; i < count; i++) {
    if (end + 4 > bytes.length) return undefined;
    const from = end + 4;
    end = from + bytes.readUInt32BE(end);
    if (end > bytes.length) return undefined;
    values.push(bytes.subarray(from, end));
  }
  return { values, end };
}

/** The type that a public key says it has: the first string of its blob (RFC 4253 §6.6). */
export function keyTypeOf(blob: Buffer): string | undefined {
  return readStrings(blob, 1)?.values[0]?.toString("latin1");
}

/** A public key as it is written in known_hosts, authorized_keys and .pub files: type, base64, anything. */
export function parsePublicKey(text: string): { readonly keyType: string; readonly keyBlob: Buffer } | undefined {
  const [keyType = "", encoded = ""] = text.trim().split(/[ \t]+/, 2);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const keyBlob = Buffer.from(encoded, "base64");
  return keyTypeOf(keyBlob) === keyType && isWhole(keyType, keyBlob) ? { keyType, keyBlob } : undefined;
}

/** A key is strings to its very end; a certificate also has numbers in it. */
function isWhole(keyType: string, keyBlob: Buffer): boolean {
  if (keyType.endsWith("@openssh.com")) return true;
  let end = 0;
  while (end < keyBlob.length) {
    const next = readStrings(keyBlob, 1, end);
    if (next === undefined) return false;
    end = next.end;
  }
  return true;
}
