import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { describeKeyFile, unsupportedKeyType } from "../../../../../cli/core/ssh/key-file.ts";

const string = (content: Buffer | string) => {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([0, 0, bytes.length >> 8, bytes.length & 255]), bytes]);
};
const publicBlob = (keyType: string) => Buffer.concat([string(keyType), string(Buffer.alloc(32, 7))]);
const publicLine = (keyType: string) => `${keyType} ${publicBlob(keyType).toString("base64")} me@laptop\n`;

/** As PROTOCOL.key of OpenSSH describes it; what would be secret is missing. */
function opensshFile(keyType: string, cipher: string): string {
  const head = [Buffer.from("openssh-key-v1\0"), string(cipher), string("none"), string(""), Buffer.of(0, 0, 0, 1)];
  const bytes = Buffer.concat([...head, string(publicBlob(keyType)), string("…")]);
  const lines = bytes.toString("base64").match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

const pem = (label: string, head = "") => `-----BEGIN ${label}-----\n${head}MIIB\n-----END ${label}-----\n`;

describe("a key file says, without its passphrase,", () => {
  test("its public half and whether it is encrypted, in OpenSSH's format", () => {
    for (const [cipher, isEncrypted] of [["none", false] as const, ["aes256-ctr", true] as const]) {
      assert.deepEqual(describeKeyFile(opensshFile("ssh-ed25519", cipher)), {
        kind: "private",
        isEncrypted,
        publicBlob: publicBlob("ssh-ed25519"),
      });
    }
  });

  test("only whether it is encrypted, in the older formats", () => {
    const encrypted = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n";
    const described = (isEncrypted: boolean) => ({ kind: "private", isEncrypted, publicBlob: undefined });
    assert.deepEqual(describeKeyFile(pem("RSA PRIVATE KEY")), described(false));
    assert.deepEqual(describeKeyFile(pem("RSA PRIVATE KEY", encrypted)), described(true));
    assert.deepEqual(describeKeyFile(pem("EC PRIVATE KEY")), described(false));
    const putty = "PuTTY-User-Key-File-2: ssh-ed25519\r\nEncryption: ";
    assert.deepEqual(describeKeyFile(`${putty}none\r\n`), described(false));
    assert.deepEqual(describeKeyFile(`${putty}aes256-cbc\r\n`), described(true));
  });

  test("that it is only a public key", () => {
    assert.deepEqual(describeKeyFile(publicLine("ssh-rsa")), { kind: "public", publicBlob: publicBlob("ssh-rsa") });
  });

  test("why it cannot be used", () => {
    const detailOf = (text: string) => {
      const described = describeKeyFile(text);
      return described.kind === "unsupported" ? described.detail : described.kind;
    };
    assert.match(detailOf(pem("PRIVATE KEY")), /PKCS#8.*ssh-keygen -p/);
    assert.match(detailOf(pem("ENCRYPTED PRIVATE KEY")), /PKCS#8/);
    assert.match(detailOf(pem("DSA PRIVATE KEY")), /DSA/);
    assert.match(detailOf(opensshFile("sk-ssh-ed25519@openssh.com", "none")), /security tokens/);
    assert.match(detailOf(publicLine("ssh-ed25519-cert-v01@openssh.com")), /certificates/);
    assert.match(detailOf(pem("OPENSSH PRIVATE KEY")), /damaged/);
    assert.match(detailOf("hello"), /not an SSH key/);
    assert.match(detailOf(""), /not an SSH key/);
  });

  test("something, whatever it holds", () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some).toString("latin1"));
    const cut = fc.nat({ max: 400 }).map((length) => opensshFile("ssh-ed25519", "none").slice(0, length));
    fc.assert(fc.property(fc.oneof(bytes, cut), (text) => void describeKeyFile(text)));
  });
});

test("keys of these types can be used, and no reason is made up", () => {
  for (const keyType of ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "ssh-rsa"]) {
    assert.equal(unsupportedKeyType(keyType), undefined);
  }
});
