/** known_hosts, whoever has written to it: a key is trusted only by a line that holds this very key. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { judgeHostKey, knownHostsLine, knownKeyTypes, parsePin } from "../../cli/core/known-hosts.ts";
import { fuzz } from "../support/fuzz/fuzz.ts";
import { mutatedText, NASTY_TEXTS } from "../support/fuzz/mutate.ts";

const hashes = {
  sha256: (bytes: Uint8Array) => createHash("sha256").update(bytes).digest(),
  hmacSha1: (key: Uint8Array, text: string) => createHmac("sha1", key).update(text).digest(),
};
const string = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
const keyOf = (type: string, seed: string) =>
  Buffer.concat([string(Buffer.from(type)), string(createHash("sha256").update(seed).digest())]);
const KEY = keyOf("ssh-ed25519", "one");
const OTHER = keyOf("ssh-ed25519", "two");
const RSA = keyOf("ssh-rsa", "three");
const text = (key: Buffer) => `${key.toString("latin1", 4, 4 + key.readUInt32BE(0))} ${key.toString("base64")}`;
const salt = Buffer.alloc(20, 7);
const hashed = (name: string) => `|1|${salt.toString("base64")}|${hashes.hmacSha1(salt, name).toString("base64")}`;

const NAMES = [
  ...["web1", "[web1]:2222", "web1,10.0.0.1", "*", "web?", "!web1,*", "*.example.com", "10.0.0.*", "[*]:2222"],
  ...[hashed("web1"), hashed("[web1]:2222"), hashed("other"), "|1|x|y", "WEB1", "web1,", ",web1"],
];
const line = fc
  .tuple(
    fc.constantFrom("", "", "", "@revoked ", "@cert-authority ", "@unknown ", "# ", " "),
    fc.constantFrom(...NAMES),
    fc.constantFrom(" ", "\t", "  "),
    fc.constantFrom(text(KEY), text(KEY), text(OTHER), text(RSA), "ssh-ed25519 AAAA", "1024 35 1234567"),
    fc.constantFrom("", " me@laptop", " # note"),
  )
  .map((parts) => parts.join(""));
const file = fc
  .tuple(fc.array(line, { maxLength: 6 }), fc.constantFrom("\n", "\r\n"))
  .map(([lines, end]) => lines.join(end));
const TOKENS = [
  ...NAMES,
  text(KEY),
  text(OTHER),
  "@revoked ",
  "@cert-authority ",
  "ssh-ed25519 ",
  "\n",
  ...NASTY_TEXTS,
];
const host = fc.constantFrom(
  "web1",
  "WEB1",
  "web2",
  "a.example.com",
  "10.0.0.7",
  "::1",
  "a".repeat(253),
  "*",
  "!web1",
  "|1|x|y",
);

fuzz(
  "no mutated known_hosts trusts a key that none of its lines holds, or that one of them revokes for every host",
  fc.record({ content: mutatedText(file, TOKENS), name: host, port: fc.constantFrom(22, 2222) }),
  ({ content, name, port }) => {
    const files = [{ path: "/k", text: content }];
    const offered = { host: name, port, keyBlob: KEY };
    const { verdict } = judgeHostKey(files, offered, hashes);
    if (verdict === "known") {
      const held = content.split("\n").filter((one) => one.includes(KEY.toString("base64")));
      assert.ok(
        held.some((one) => !/^\s*[#@]/.test(one)),
        "a line with this key",
      );
      assert.ok(!held.some((one) => one.startsWith(`@revoked * ${text(KEY)}`)), "and none that revokes it");
    }
    for (const type of knownKeyTypes(files, name, port, hashes)) assert.match(type, /^[\x20-\x7e]+$/);
    parsePin(content);
  },
);

const plainName = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);
fuzz(
  "the line that would make a host known does so, behind whatever else stands in the file",
  fc.record({ content: mutatedText(file, TOKENS), name: plainName, port: fc.integer({ min: 1, max: 65_535 }) }),
  ({ content, name, port }) => {
    const offered = { host: name, port, keyBlob: KEY };
    const files = [{ path: "/k", text: `${content}\n${knownHostsLine(offered)}\n` }];
    const { verdict } = judgeHostKey(files, offered, hashes);
    assert.ok(verdict === "known" || (verdict === "revoked" && content.includes("@revoked")), verdict);
  },
);
