import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseHostAddress } from "../../../../../../cli/core/config/rules/host-address.ts";
import { checkHostKey } from "../../../../../../cli/core/config/rules/host-key.ts";

describe("a host in one word", () => {
  test("is an address, with a user and a port where they are told", () => {
    for (const [text, parts] of [
      ["web1", { address: "web1" }],
      ["deploy@web1.example.com", { user: "deploy", address: "web1.example.com" }],
      ["deploy@web1:2222", { user: "deploy", address: "web1", port: 2222 }],
      ["me@corp.example@10.0.0.2:22", { user: "me@corp.example", address: "10.0.0.2", port: 22 }],
      ["::1", { address: "::1" }],
      ["[::1]", { address: "::1" }],
      ["root@[fd00::1]:22", { user: "root", address: "fd00::1", port: 22 }],
      ["fe80::1%eth0", { address: "fe80::1%eth0" }],
    ] as const) {
      assert.deepEqual(parseHostAddress(text), { ok: parts }, text);
    }
  });

  test("is refused where ssh could read something else into it", () => {
    for (const text of [
      ...[
        "",
        "@web1",
        "deploy@",
        "web1:",
        "web1:0",
        "web1:65536",
        "web1:22x",
        "web1:+22",
        "web1:22:22",
        "-oProxyCommand=x",
        "a b",
      ],
      ...[
        "web1/x",
        "ssh://web1",
        "[web1]:22",
        "[::1]x",
        "[::1",
        "::g",
        "web_1-",
        "wéb",
        "a;b",
        "$(id)",
        "de ploy@web1",
        "-l@web1",
        "web1\n",
      ],
    ]) {
      assert.ok("problem" in parseHostAddress(text), JSON.stringify(text));
    }
    assert.deepEqual(parseHostAddress("ssh://deploy@web1:22/"), {
      problem: "is a URL",
      suggestion: 'did you mean "deploy@web1:22"?',
    });
  });

  test("whatever is taken begins with a letter, a digit or a colon, and holds no blank", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a1@:[\]. -]{0,10}$/), (text) => {
        const parsed = parseHostAddress(text);
        if ("ok" in parsed) assert.match(parsed.ok.address, /^[a1:][^\s@[\]]*$/);
      }),
    );
  });
});

describe("a pinned host key", () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFqYw2P9blbjUEc+5VszwYy5xAiYZmZzoRWq7FNJEsBx";
  const fingerprint = "SHA256:M5imL1CkNFhNXnq75TLJNm/GpLrLQXhavVgDKuQHm9w";

  test("is a whole public key, without its comment, or a SHA256 fingerprint", () => {
    assert.deepEqual(checkHostKey(key), { ok: key });
    assert.deepEqual(checkHostKey(` ${key} root@web1\n`), { ok: key });
    assert.deepEqual(checkHostKey(fingerprint), { ok: fingerprint });
    assert.deepEqual(checkHostKey(`${fingerprint}=`), { ok: fingerprint });
  });

  test("one that was cut, or is of another type than it says, is refused", () => {
    const cut = "is no whole public key: it was cut, or its type is another";
    for (const text of [
      key.slice(0, -4),
      key.slice(0, -3),
      `${key}AAAA`,
      key.replace("ssh-ed25519", "ssh-rsa"),
      "ssh-rsa AAAA",
      "ssh-ed25519 ????",
    ]) {
      assert.deepEqual(checkHostKey(text), { problem: cut }, text);
    }
  });

  test("other things that stand near keys are refused with what to do", () => {
    assert.deepEqual(checkHostKey(`web1 ${key}`), {
      problem: 'is no "ssh-ed25519 AAAA…" and no "SHA256:…"',
      suggestion: "leave out the host name before the key's type",
    });
    assert.match(
      JSON.stringify(checkHostKey("MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48")),
      /MD5 fingerprint/,
    );
    assert.match(JSON.stringify(checkHostKey("ssh-dss AAAAB3NzaC1kc3M=")), /a key of the type ssh-dss/);
    assert.match(JSON.stringify(checkHostKey("ssh-ed25519-cert-v01@openssh.com AAAA")), /can not be checked/);
    for (const text of ["", "SHA256:short", "abc"]) assert.ok("problem" in checkHostKey(text), text);
  });
});
