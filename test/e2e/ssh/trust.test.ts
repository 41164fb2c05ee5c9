/** Whether a host is let in on us: real sshd, real known_hosts files, and ssh itself as the judge. */
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { keyRing } from "../../../cli/io/ssh/keys.ts";
import { connectSsh } from "../../../cli/io/ssh.ts";
import { eventually } from "../../support/eventually.ts";
import { run, runOk } from "../../support/processes.ts";
import { makeKey } from "../../support/sshd.ts";
import { linkFailureOf, runOn, type SshRig, startSshRig } from "./rig.ts";

describe("a host's key", () => {
  let rig: SshRig;
  let otherKey: string;
  before(async () => {
    rig = await startSshRig({ keyTypes: ["ed25519", "ecdsa", "rsa"] });
    otherKey = (await makeKey({ type: "ed25519", dir: rig.folder })).public;
  });
  after(() => rig.stop());

  const name = () => `[127.0.0.1]:${rig.sshd.port}`;
  const keyOf = (type: "ed25519" | "ecdsa" | "rsa") => {
    const key = rig.sshd.hostKeys.find((one) => one.type === type);
    assert.ok(key);
    return key;
  };

  test("that nobody knows is shown with its fingerprint and the line that would make it known", async () => {
    const unknown = await linkFailureOf(rig.connect({ knownHosts: "" }), "host-key-unknown");
    assert.equal(unknown.fingerprint, keyOf("ed25519").fingerprint);
    assert.equal(unknown.keyType, "ssh-ed25519");
    assert.equal(unknown.address, `${rig.user.name}@127.0.0.1:${rig.sshd.port}`);
    assert.equal(unknown.searched.length, 1);
    const connection = await rig.connect({ knownHosts: unknown.knownHostsLine });
    assert.equal((await runOn(connection, "echo in")).stdout, "in\n");
  });

  test("that is not trusted ends the connection before a user name or a key is sent", async () => {
    const begin = rig.sshd.logText().length;
    await linkFailureOf(rig.connect({ knownHosts: "" }), "host-key-unknown");
    // Other connections of these tests may still be closing: only what is said of this one's port counts.
    const lines = await eventually(
      () => {
        const log = rig.sshd.logText().slice(begin);
        const port = /^Connection from 127\.0\.0\.1 (port \d+) /m.exec(log)?.[1] ?? "no port";
        const ours = log.split(/\r?\n/).filter((line) => line.includes(`${port} `));
        return ours.some((line) => line.endsWith("[preauth]")) && ours.join("\n");
      },
      { name: "sshd sees the end of the connection" },
    );
    assert.ok(!/user|publickey/.test(lines) && !lines.includes(rig.user.name), lines);
  });

  test("that is another one than the known one is shown with both fingerprints and the place of the known one", async () => {
    const changed = await linkFailureOf(
      rig.connect({ knownHosts: `# old\n${name()} ${otherKey}\n` }),
      "host-key-changed",
    );
    assert.equal(changed.fingerprint, keyOf("ed25519").fingerprint);
    assert.equal(changed.knownName, name());
    assert.equal(changed.expected.length, 1);
    assert.match(changed.expected[0]?.place ?? "", /known_hosts_\d+:2$/);
    assert.match(changed.expected[0]?.fingerprint ?? "", /^SHA256:/);
    assert.notEqual(changed.expected[0]?.fingerprint, changed.fingerprint);
  });

  test("that was revoked is refused though another line knows it", async () => {
    const known = rig.sshd.knownHostsLine({ type: "ed25519" });
    const revoked = await linkFailureOf(rig.connect({ knownHosts: `${known}@revoked ${known}` }), "host-key-revoked");
    assert.match(revoked.place, /:2$/);
    assert.equal(revoked.fingerprint, keyOf("ed25519").fingerprint);
  });

  test("that only a certificate authority would vouch for is refused, and the reason is named", async () => {
    const failure = await linkFailureOf(
      rig.connect({ knownHosts: `@cert-authority * ${otherKey}\n` }),
      "host-key-authority",
    );
    assert.match(failure.place, /:1$/);
  });

  for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
    test(`that is known by ${type} alone is trusted, though the host has others`, async () => {
      await rig.connect({ knownHosts: rig.sshd.knownHostsLine({ type }) });
    });
  }

  test("is not asked for where a known_hosts file cannot be read", async () => {
    const path = join(rig.folder, "known_hosts.d");
    await mkdir(path);
    const target = { name: "web1", address: "127.0.0.1", port: rig.sshd.port, user: rig.user.name };
    const deps = { home: rig.folder, keys: keyRing({ home: rig.folder }), knownHosts: [path] };
    const failure = await linkFailureOf(connectSsh(target, deps), "known-hosts-unreadable");
    assert.deepEqual(failure, { kind: "known-hosts-unreadable", path, code: "EISDIR" });
  });

  test("is looked for in the user's own files", async () => {
    const home = join(rig.folder, "home");
    await mkdir(join(home, ".ssh"), { recursive: true });
    const target = {
      ...{
        name: "web1",
        address: "127.0.0.1",
        port: rig.sshd.port,
        user: rig.user.name,
        keys: { files: [rig.key.path] },
      },
    };
    const deps = { home, keys: keyRing({ home }) };
    await linkFailureOf(connectSsh(target, deps), "host-key-unknown");
    await runOk(["cp", await rig.writeKnownHosts(rig.sshd.knownHostsLine()), join(home, ".ssh", "known_hosts2")]);
    (await connectSsh(target, deps)).close();
  });

  describe("pinned in deploy.yml", () => {
    test("is trusted without any known_hosts, as a key or as a fingerprint", async () => {
      for (const pin of [
        keyOf("ed25519").public,
        `${keyOf("ed25519").public} root@web1`,
        keyOf("ed25519").fingerprint,
      ]) {
        await rig.connect({ knownHosts: "", hostKeys: [pin] });
      }
    });

    test("may be any of the host's keys, whichever it would show first", async () => {
      await rig.connect({ knownHosts: "", hostKeys: [keyOf("rsa").public] });
      await rig.connect({ knownHosts: "", hostKeys: [keyOf("rsa").fingerprint] });
      await rig.connect({ knownHosts: "", hostKeys: [otherKey, keyOf("ecdsa").fingerprint] });
    });

    test("refuses any other key, also one that known_hosts trusts", async () => {
      const changed = await linkFailureOf(rig.connect({ hostKeys: [otherKey] }), "host-key-changed");
      assert.equal(changed.fingerprint, keyOf("ed25519").fingerprint);
      assert.equal(changed.expected[0]?.place, "host_key in deploy.yml");
    });

    test("refuses by a fingerprint that is of none of the host's keys, and shows the first of them", async () => {
      const fingerprint = `SHA256:${"a".repeat(43)}`;
      const changed = await linkFailureOf(rig.connect({ hostKeys: [fingerprint] }), "host-key-changed");
      assert.equal(changed.fingerprint, keyOf("ed25519").fingerprint);
      assert.equal(changed.expected[0]?.fingerprint, fingerprint);
    });

    test("trusts nothing where no pin can be read", async () => {
      await linkFailureOf(rig.connect({ hostKeys: ["nonsense"] }), "host-key-changed");
      await linkFailureOf(rig.connect({ hostKeys: [] }), "host-key-changed");
    });
  });

  describe("is trusted by the files by which ssh trusts it:", () => {
    const port = () => rig.sshd.port;
    const ed = () => keyOf("ed25519").public;
    const files: Record<string, () => string> = {
      "a plain line": () => `${name()} ${ed()}`,
      "an empty file": () => "",
      "the name without its port": () => `127.0.0.1 ${ed()}`,
      "another port": () => `[127.0.0.1]:${port() + 1} ${ed()}`,
      "a list with patterns": () => `example.com,[127.0.*]:${port()} ${ed()}`,
      "a pattern without the port": () => `127.0.0.? ${ed()}`,
      "a negated pattern": () => `*,![127.0.0.1]:${port()} ${ed()}`,
      "another key": () => `${name()} ${otherKey}`,
      "another key beside the right one": () => `${name()} ${otherKey}\n${name()} ${ed()}`,
      "another key, and the right one under the plain name": () => `${name()} ${otherKey}\n127.0.0.1 ${ed()}`,
      "a revoked line": () => `${name()} ${ed()}\n@revoked * ${ed()}`,
      "another one's revoked key": () => `${name()} ${ed()}\n@revoked * ${otherKey}`,
      "carriage returns": () => `# x\r\n${name()} ${ed()}\r\n`,
      "a broken line before the right one": () => `nonsense\n${name()} ssh-ed25519 AAAA\n${name()} ${ed()}`,
      "only the RSA key": () => `${name()} ${keyOf("rsa").public}`,
      "a marker that nobody knows": () => `@trusted ${name()} ${ed()}`,
    };
    for (const [title, text] of Object.entries(files)) {
      test(title, async () => {
        const path = await rig.writeKnownHosts(`${text()}\n`);
        await assertSameTrust(path, text());
      });
    }

    test("hashed names, as ssh-keygen -H writes them", async () => {
      const path = await rig.writeKnownHosts(`${rig.sshd.knownHostsLine()}other.example ${otherKey}\n`);
      await runOk(["ssh-keygen", "-q", "-H", "-f", path]);
      const text = await readFile(path, "utf8");
      assert.ok(!text.includes("127.0.0.1"), "the names are hashed");
      assert.ok(await assertSameTrust(path, text), "and the key is trusted");
    });

    async function assertSameTrust(path: string, text: string): Promise<boolean> {
      const { code, stderr } = await run([
        ...(["ssh", "-F", "none", "-p", String(port()), "-i", rig.key.path, "-o", "BatchMode=yes"] as const),
        ...["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${path}`, "-o", "GlobalKnownHostsFile=none"],
        ...["-o", "UpdateHostKeys=no", `${rig.user.name}@127.0.0.1`, "true"],
      ]);
      const isTrusted = await rig.connect({ knownHosts: text }).then(
        () => true,
        () => false,
      );
      assert.equal(isTrusted, code === 0, stderr);
      return isTrusted;
    }
  });
});
