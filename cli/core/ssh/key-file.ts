/** What a key file says of itself without its passphrase. */
import { keyTypeOf, parsePublicKey, readStrings } from "./wire.ts";

export type KeyFile =
  | {
      readonly kind: "private";
      readonly isEncrypted: boolean;
      /** OpenSSH's own format keeps the public half in the clear; the older ones do not. */
      readonly publicBlob: Buffer | undefined;
    }
  | { readonly kind: "public"; readonly publicBlob: Buffer }
  | { readonly kind: "unsupported"; readonly detail: string };

const OPENSSH_MAGIC = "openssh-key-v1\0";
const HOW_TO_CONVERT = "rewrite it with: ssh-keygen -p -f";

export function describeKeyFile(text: string): KeyFile {
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
  switch (label) {
    case "OPENSSH PRIVATE KEY":
      return describeOpensshKey(text);
    case "RSA PRIVATE KEY":
    case "EC PRIVATE KEY":
      return { kind: "private", isEncrypted: /^Proc-Type:.*ENCRYPTED/m.test(text), publicBlob: undefined };
    case "PRIVATE KEY":
    case "ENCRYPTED PRIVATE KEY":
      return { kind: "unsupported", detail: `a PKCS#8 key; ${HOW_TO_CONVERT}` };
    case "DSA PRIVATE KEY":
      return { kind: "unsupported", detail: "a DSA key, which no current SSH server takes" };
  }
  if (text.startsWith("PuTTY-User-Key-File-")) {
    return { kind: "private", isEncrypted: !/^Encryption: none\s*$/m.test(text), publicBlob: undefined };
  }
  const key = parsePublicKey(text);
  if (key === undefined) return { kind: "unsupported", detail: "not an SSH key" };
  const problem = unsupportedKeyType(key.keyType);
  return problem === undefined ? { kind: "public", publicBlob: key.keyBlob } : { kind: "unsupported", detail: problem };
}

/** Why a key of this type can not be used, or undefined if it can. */
export function unsupportedKeyType(keyType: string): string | undefined {
  if (/-cert-v\d\d@openssh\.com$/.test(keyType)) return "certificates need transport: openssh";
  if (/^(?:webauthn-)?sk-/.test(keyType)) return "keys on security tokens (sk-*) need transport: openssh";
  if (keyType === "ssh-dss") return "DSA keys are not supported";
  return undefined;
}

/** PROTOCOL.key of OpenSSH: magic, cipher, kdf, kdf options, number of keys, public key, … */
function describeOpensshKey(text: string): KeyFile {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1] ?? "";
  const bytes = Buffer.from(body, "base64");
  const isOpenssh = bytes.subarray(0, OPENSSH_MAGIC.length).toString("latin1") === OPENSSH_MAGIC;
  const header = isOpenssh ? readStrings(bytes, 3, OPENSSH_MAGIC.length) : undefined;
  const publicBlob = header && readStrings(bytes, 1, header.end + 4)?.values[0];
  const keyType = publicBlob && keyTypeOf(publicBlob);
  if (keyType === undefined) return { kind: "unsupported", detail: "a damaged OpenSSH private key" };
  const problem = unsupportedKeyType(keyType);
  if (problem !== undefined) return { kind: "unsupported", detail: problem };
  return { kind: "private", isEncrypted: header?.values[0]?.toString("latin1") !== "none", publicBlob };
}
