/** A host key pinned in deploy.yml: its public key, as `/etc/ssh/ssh_host_*_key.pub` holds it, or its fingerprint. */
import { type Checked, complain } from "./checked.ts";

const KEY_TYPES = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}=?$/;

/** `ssh-ed25519 AAAA…` (its comment is dropped) or `SHA256:…`. */
export function checkHostKey(text: string): Checked<string> {
  const words = text.trim().split(/\s+/);
  const [type = "", body = ""] = words;
  if (words.length === 1 && FINGERPRINT.test(type)) return { ok: type.replace(/=$/, "") };
  if (/^(?:MD5:)?(?:[0-9a-f]{2}:){15}[0-9a-f]{2}$/i.test(type)) {
    return complain("is an MD5 fingerprint, which proves too little", "take the SHA256 one: ssh-keygen -lf KEYFILE");
  }
  if (!KEY_TYPES.includes(type)) return complain(typeProblem(type, body), typeSuggestion(words));
  return isWholeKey(type, body)
    ? { ok: `${type} ${body}` }
    : complain("is no whole public key: it was cut, or its type is another");
}

function typeProblem(type: string, body: string): string {
  const isOther = /^(?:sk-|ssh-dss$)|-cert-/.test(type) && body !== "";
  return isOther
    ? `is a key of the type ${type}, which can not be checked`
    : 'is no "ssh-ed25519 AAAA…" and no "SHA256:…"';
}

/** A line of known_hosts begins with the host's name. */
function typeSuggestion(words: readonly string[]): string | undefined {
  return KEY_TYPES.includes(words[1] ?? "") ? "leave out the host name before the key's type" : undefined;
}

/** RFC 4253, 6.6: length-prefixed fields, the first of them the type, and nothing behind the last. */
function isWholeKey(type: string, base64: string): boolean {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) return false;
  const bytes = atob(base64);
  const byte = (index: number) => bytes.charCodeAt(index);
  let offset = 0;
  for (let field = 0; offset < bytes.length; field++) {
    if (offset + 4 > bytes.length) return false;
    const length = byte(offset) * 2 ** 24 + byte(offset + 1) * 2 ** 16 + byte(offset + 2) * 2 ** 8 + byte(offset + 3);
    if (field === 0 && bytes.slice(offset + 4, offset + 4 + length) !== type) return false;
    offset += 4 + length;
  }
  return offset === bytes.length;
}
