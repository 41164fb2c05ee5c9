import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  fingerprintOf,
  hostKeyAlgorithms,
  judgeHostKey,
  judgePinnedKey,
  type KnownHostsFile,
  knownHostsLine,
  knownKeyTypes,
  knownName,
  parsePin,
  pinnedKeyTypes,
} from "../../../../cli/core/known-hosts.ts";

const hashes = {
  sha256: (bytes: Uint8Array) => createHash("sha256").update(bytes).digest(),
  hmacSha1: (key: Uint8Array, text: string) => createHmac("sha1", key).update(text).digest(),
};

const string = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
const keyOf = (keyType: string, seed: string) => {
  const blob = Buffer.concat([string(Buffer.from(keyType)), string(createHash("sha256").update(seed).digest())]);
  return { blob, text: `${keyType} ${blob.toString("base64")}` };
};
const ED = keyOf("ssh-ed25519", "one");
const ED_OTHER = keyOf("ssh-ed25519", "two");
const RSA = keyOf("ssh-rsa", "three");
const ECDSA = keyOf("ecdsa-sha2-nistp256", "four");

const file = (text: string, path = "/home/me/.ssh/known_hosts"): KnownHostsFile => ({ path, text });
const judge = (text: string, { host = "web1", port = 22, key = ED } = {}) =>
  judgeHostKey([file(text)], { host, port, keyBlob: key.blob }, hashes);
const hashed = (name: string, salt = "0123456789abcdefghij") => {
  const bytes = Buffer.from(salt);
  return `|1|${bytes.toString("base64")}|${hashes.hmacSha1(bytes, name).toString("base64")}`;
};

describe("a host key", () => {
  test("is known by a line with the host's name and this key, and the line is named", () => {
    assert.deepEqual(judge(`# mine\n\nweb1 ${ED.text} me@laptop\n`), {
      verdict: "known",
      place: "/home/me/.ssh/known_hosts:3",
    });
  });

  test("is unknown without a line", () => {
    assert.deepEqual(judge(""), { verdict: "unknown" });
    assert.deepEqual(judge(`web2 ${ED.text}\n`), { verdict: "unknown" });
  });

  test("has changed where the host is known by another one, and what was expected is told with its place", () => {
    assert.deepEqual(judge(`web1 ${ED_OTHER.text}\nweb1 ${RSA.text}\n`), {
      verdict: "changed",
      expected: [
        {
          keyType: "ssh-ed25519",
          fingerprint: fingerprintOf(ED_OTHER.blob, hashes),
          place: "/home/me/.ssh/known_hosts:1",
          file: "/home/me/.ssh/known_hosts",
        },
        {
          keyType: "ssh-rsa",
          fingerprint: fingerprintOf(RSA.blob, hashes),
          place: "/home/me/.ssh/known_hosts:2",
          file: "/home/me/.ssh/known_hosts",
        },
      ],
    });
  });

  test("that has changed may be expected by a pattern, which is told, and by a name in a list, which is none", () => {
    const isPattern = (names: string) => {
      const verdict = judge(`${names} ${ED_OTHER.text}\n`);
      return verdict.verdict === "changed" ? verdict.expected.map((key) => key.isPattern) : verdict.verdict;
    };
    assert.deepEqual(["*", "web?,!web2", "web1,10.0.0.1", "Web1"].map(isPattern), [
      [true],
      [true],
      [undefined],
      [undefined],
    ]);
  });

  test("is known where one of several lines for the host holds it", () => {
    assert.equal(judge(`web1 ${ED_OTHER.text}\nweb1 ${ED.text}\n`).verdict, "known");
  });

  test("is looked for in all files together, and a revocation in any of them counts", () => {
    const offered = { host: "web1", port: 22, keyBlob: ED.blob };
    const mine = file(`web1 ${ED.text}\n`);
    assert.equal(judgeHostKey([file(""), mine], offered, hashes).verdict, "known");
    assert.deepEqual(
      judgeHostKey([mine, file(`@revoked * ${ED.text}\n`, "/etc/ssh/ssh_known_hosts")], offered, hashes),
      {
        verdict: "revoked",
        place: "/etc/ssh/ssh_known_hosts:1",
      },
    );
  });

  test("that is revoked is refused whatever the order of the lines and whatever the port", () => {
    assert.equal(judge(`web1 ${ED.text}\n@revoked web1 ${ED.text}\n`).verdict, "revoked");
    assert.equal(judge(`@revoked web1 ${ED.text}\nweb1 ${ED.text}\n`).verdict, "revoked");
    assert.equal(judge(`@revoked web1 ${ED.text}\n[web1]:2222 ${ED.text}\n`, { port: 2222 }).verdict, "revoked");
  });

  test("is not refused because another key, or another host's, was revoked", () => {
    assert.equal(judge(`@revoked web1 ${ED_OTHER.text}\nweb1 ${ED.text}\n`).verdict, "known");
    assert.equal(judge(`@revoked web2 ${ED.text}\nweb1 ${ED.text}\n`).verdict, "known");
    assert.equal(judge(`@revoked web1 ${ED_OTHER.text}\n`).verdict, "unknown");
  });

  test("is never trusted by a certificate authority, which is reported where nothing else is known", () => {
    const authority = `@cert-authority *.example.com ${ED.text}\n`;
    assert.deepEqual(judge(authority, { host: "web1.example.com" }), {
      verdict: "authority",
      place: "/home/me/.ssh/known_hosts:1",
    });
    assert.equal(judge(`${authority}web1.example.com ${ED.text}\n`, { host: "web1.example.com" }).verdict, "known");
    assert.equal(
      judge(`${authority}web1.example.com ${ED_OTHER.text}\n`, { host: "web1.example.com" }).verdict,
      "changed",
    );
  });
});

describe("the name of a host", () => {
  test("carries its port in brackets unless that is 22", () => {
    assert.equal(judge(`[web1]:2222 ${ED.text}\n`, { port: 2222 }).verdict, "known");
    assert.equal(judge(`[web1]:2222 ${ED.text}\n`, { port: 22 }).verdict, "unknown");
    assert.equal(judge(`[web1]:2222 ${ED.text}\n`, { port: 2223 }).verdict, "unknown");
  });

  test("may stand without the port for the same key, as ssh does, but then never speaks of a change", () => {
    assert.equal(judge(`web1 ${ED.text}\n`, { port: 2222 }).verdict, "known");
    assert.equal(judge(`web1 ${ED_OTHER.text}\n`, { port: 2222 }).verdict, "unknown");
    assert.equal(judge(`[web1]:2222 ${ED_OTHER.text}\nweb1 ${ED.text}\n`, { port: 2222 }).verdict, "changed");
  });

  test("is compared without regard to case", () => {
    assert.equal(judge(`WEB1.example.com ${ED.text}\n`, { host: "web1.Example.com" }).verdict, "known");
  });

  test("may be one of a comma list", () => {
    assert.equal(judge(`web0,web1,10.0.0.1 ${ED.text}\n`).verdict, "known");
    assert.equal(judge(`web0,web1,10.0.0.1 ${ED.text}\n`, { host: "10.0.0.1" }).verdict, "known");
    assert.equal(judge(`web0,web10 ${ED.text}\n`).verdict, "unknown");
  });

  test("may be an IPv6 address", () => {
    assert.equal(judge(`fe80::1 ${ED.text}\n`, { host: "fe80::1" }).verdict, "known");
    assert.equal(judge(`[fe80::1]:2222 ${ED.text}\n`, { host: "fe80::1", port: 2222 }).verdict, "known");
  });

  test("may be meant by a pattern, in which only * and ? mean something", () => {
    assert.equal(judge(`web? ${ED.text}\n`).verdict, "known");
    assert.equal(judge(`w*1 ${ED.text}\n`).verdict, "known");
    assert.equal(judge(`web1? ${ED.text}\n`).verdict, "unknown");
    assert.equal(judge(`web. ${ED.text}\n`).verdict, "unknown");
    assert.equal(judge(`we[bw]1 ${ED.text}\n`).verdict, "unknown");
    assert.equal(judge(`web+ ${ED.text}\n`).verdict, "unknown");
    assert.equal(judge(`[web*]:22?? ${ED.text}\n`, { port: 2222 }).verdict, "known");
  });

  test("is not meant by a line that also negates it", () => {
    assert.equal(judge(`web*,!web1 ${ED.text}\n`).verdict, "unknown");
    assert.equal(judge(`!web1,web* ${ED.text}\n`).verdict, "unknown");
    assert.equal(judge(`web*,!web2 ${ED.text}\n`).verdict, "known");
    assert.equal(judge(`!web2 ${ED.text}\n`).verdict, "unknown");
  });

  test("may be hashed, with its port", () => {
    assert.equal(judge(`${hashed("web1")} ${ED.text}\n`).verdict, "known");
    assert.equal(judge(`${hashed("web2")} ${ED.text}\n`).verdict, "unknown");
    assert.equal(judge(`${hashed("[web1]:2222")} ${ED.text}\n`, { port: 2222 }).verdict, "known");
    assert.equal(judge(`@revoked ${hashed("web1")} ${ED.text}\n`).verdict, "revoked");
  });

  test("is spelled for ssh-keygen -R and for a new line as the files spell it", () => {
    assert.equal(knownName("Web1", 22), "web1");
    assert.equal(knownName("web1", 2222), "[web1]:2222");
    const line = knownHostsLine({ host: "web1", port: 2222, keyBlob: ED.blob });
    assert.equal(line, `[web1]:2222 ${ED.text}`);
    assert.equal(judge(line, { port: 2222 }).verdict, "known");
  });
});

describe("a known_hosts file", () => {
  test("may begin with a byte order mark and end its lines as Windows does", () => {
    assert.deepEqual(judge(`\uFEFFweb1 ${ED.text}\r\nweb2 ${ED.text}\r\n`), {
      verdict: "known",
      place: "/home/me/.ssh/known_hosts:1",
    });
    assert.equal(judge(`web1 ${RSA.text}\r\nweb1 ${ED.text}`).verdict, "known");
  });

  test("may separate its fields by any blanks", () => {
    assert.equal(judge(`  web1 \t ${ED.text.replace(" ", "\t \t")}  a comment\n`).verdict, "known");
    assert.equal(judge(`\t@revoked\tweb1\t${ED.text}\n`).verdict, "revoked");
  });

  test("trusts nothing by a line whose key is not of the type that it says", () => {
    const lie = `ssh-rsa ${ED.blob.toString("base64")}`;
    assert.equal(judge(`web1 ${lie}\n`).verdict, "unknown");
  });

  test("trusts nothing by a line that only begins with the key", () => {
    assert.equal(judge(`web1 ssh-ed25519 ${ED.blob.toString("base64").slice(0, 40)}\n`).verdict, "unknown");
  });

  test("trusts nothing by a line with a marker that is not known", () => {
    assert.equal(judge(`@trusted web1 ${ED.text}\n`).verdict, "unknown");
  });

  test("goes on behind a line that cannot be understood, which trusts nothing", () => {
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
      fc.constantFrom("web1", "web1 ssh-ed25519", "web1 ssh-ed25519 !!!!", "@revoked", "@ web1", "|1|x|y ssh-rsa AA"),
    );
    const lines = fc.array(
      junk.map((text) => text.replaceAll("\n", " ")),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(lines, (broken) => {
        const before = broken.join("\n");
        assert.equal(judge(before).verdict, "unknown");
        assert.equal(judge(`${before}\nweb1 ${ED.text}\n`).verdict, "known");
        assert.equal(judge(`${before}\n@revoked web1 ${ED.text}\n`).verdict, "revoked");
      }),
    );
  });

  test("trusts a key for the hosts that are listed and not negated, and for no other", () => {
    const name = fc.constantFrom("web1", "web2", "db1", "web10", "10.0.0.1", "[web1]:2222");
    const pattern = fc.tuple(fc.boolean(), name).map(([isNegated, text]) => (isNegated ? `!${text}` : text));
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 6 }), name, (list, asked) => {
        const [, host = asked, port = "22"] = /^\[(.*)\]:(\d+)$/.exec(asked) ?? [];
        const isMeant = list.includes(asked) && !list.includes(`!${asked}`);
        // A host on a port of its own is also trusted by the line of its plain name.
        const isMeantPlain = list.includes(host) && !list.includes(`!${host}`);
        const { verdict } = judge(`${list.join(",")} ${ED.text}\n`, { host, port: Number(port) });
        assert.equal(verdict, isMeant || isMeantPlain ? "known" : "unknown");
      }),
    );
  });
});

describe("which key a host is asked for", () => {
  test("is one of a type that is known for it, so that a host with several does not look changed", () => {
    const types = knownKeyTypes([file(`web1 ${RSA.text}\nweb2 ${ECDSA.text}\n`)], "web1", 22, hashes);
    assert.deepEqual(types, ["ssh-rsa"]);
    assert.deepEqual(hostKeyAlgorithms(types).slice(0, 3), ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
  });

  test("is the best one where nothing is known, and never one signed with SHA-1", () => {
    assert.equal(hostKeyAlgorithms([])[0], "ssh-ed25519");
    assert.ok(!hostKeyAlgorithms(["ssh-rsa", "ssh-dss"]).some((name) => ["ssh-rsa", "ssh-dss"].includes(name)));
  });

  test("does not follow lines that trust nothing", () => {
    const text = `@revoked web1 ${RSA.text}\n@cert-authority web1 ${ECDSA.text}\nweb1 ${ED.text}\n`;
    assert.deepEqual(knownKeyTypes([file(text)], "web1", 22, hashes), ["ssh-ed25519"]);
  });

  test("follows the plain name where the host's port is not named", () => {
    assert.deepEqual(knownKeyTypes([file(`web1 ${RSA.text}\n`)], "web1", 2222, hashes), ["ssh-rsa"]);
  });

  test("is none of those that it has already shown in vain", () => {
    assert.deepEqual(hostKeyAlgorithms([], ["ssh-ed25519", "ecdsa-sha2-nistp256"]), [
      "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521",
      "rsa-sha2-512",
      "rsa-sha2-256",
    ]);
    assert.ok(!hostKeyAlgorithms(["ssh-rsa"], ["ssh-rsa"]).some((name) => name.startsWith("rsa-")));
  });
});

describe("a pinned key", () => {
  const pins = (...texts: string[]) => texts.flatMap((text) => parsePin(text) ?? []);

  test("may be a whole key or a fingerprint, with or without its padding", () => {
    const fingerprint = fingerprintOf(ED.blob, hashes);
    for (const text of [ED.text, `${ED.text} root@web1`, fingerprint, `${fingerprint}=`, ` ${fingerprint} `]) {
      assert.equal(judgePinnedKey(pins(text), ED.blob, "here", hashes).verdict, "known", text);
    }
  });

  test("may be one of several", () => {
    const both = pins(fingerprintOf(RSA.blob, hashes), ED.text);
    assert.equal(judgePinnedKey(both, RSA.blob, "here", hashes).verdict, "known");
    assert.equal(judgePinnedKey(both, ED.blob, "here", hashes).verdict, "known");
    assert.deepEqual(pinnedKeyTypes(both), ["ssh-ed25519"]);
  });

  test("that is not the one shown is a change", () => {
    assert.deepEqual(judgePinnedKey(pins(ED.text), ED_OTHER.blob, "host_key in deploy.yml", hashes), {
      verdict: "changed",
      expected: [
        { keyType: "ssh-ed25519", fingerprint: fingerprintOf(ED.blob, hashes), place: "host_key in deploy.yml" },
      ],
    });
  });

  test("that cannot be read is none, and none trusts nothing", () => {
    for (const text of ["", "SHA256:short", "MD5:aa:bb", "ssh-ed25519", "ssh-rsa AAAA", ED.blob.toString("base64")]) {
      assert.equal(parsePin(text), undefined, text);
    }
    assert.equal(judgePinnedKey([], ED.blob, "here", hashes).verdict, "changed");
  });
});

test("fingerprints are SHA256 in base64 without padding, as ssh-keygen prints them", () => {
  const blob = Buffer.from("AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl", "base64");
  assert.equal(fingerprintOf(blob, hashes), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
});

// Each of these held a command up for minutes, or for longer than anybody waits.
describe("a known_hosts file that makes a deploy wait for ever", () => {
  test("by a pattern of many stars is read at once", () => {
    const host = "a".repeat(250);
    assert.equal(judge(`${"*a".repeat(30)}*b ${ED.text}\n`, { host }).verdict, "unknown");
    assert.equal(judge(`${"*a".repeat(30)}* ${ED.text}\n`, { host }).verdict, "known");
  });

  test("by a line of blanks is read at once", () => {
    const blanks = " ".repeat(300_000);
    assert.equal(judge(`web1 ${ED.text}${blanks}x${blanks}y\n`).verdict, "known");
  });
});

test("stars and question marks of a pattern mean what they mean to ssh", () => {
  const fits = (pattern: string, host: string) => judge(`${pattern} ${ED.text}`, { host }).verdict === "known";
  for (const [pattern, host] of [
    ...[
      ["*", "a"],
      ["a*", "a"],
      ["*a", "a"],
      ["**a**", "a"],
      ["a*c", "abbc"],
      ["a*b*c", "aXbXbXc"],
      ["?b?", "abc"],
      ["*?", "a"],
    ],
    ...[
      ["w*b?.x", "web1.x"],
      ["*.*.x", "a.b.c.x"],
    ],
  ] as const)
    assert.ok(fits(pattern, host), `${pattern} ${host}`);
  for (const [pattern, host] of [
    ...[
      ["a*", "ba"],
      ["*a", "ab"],
      ["?", "ab"],
      ["a?", "a"],
      ["a*c", "ab"],
      ["*.x", "x"],
      ["a*b*c", "acb"],
      ["w.b", "web"],
    ],
  ] as const)
    assert.ok(!fits(pattern, host), `${pattern} ${host}`);
});
