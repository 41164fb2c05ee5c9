/** How a host lets us in: real keys, a real agent, a real sshd; and what is said when it does not. */
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { Secret } from "../../../agent/wire/secret.ts";
import { keyRing } from "../../../cli/io/ssh/keys.ts";
import { connectSsh } from "../../../cli/io/ssh.ts";
import { eventually } from "../../support/eventually.ts";
import { runOk } from "../../support/processes.ts";
import { type ClientKey, makeKey, type SshAgent, startSshAgent } from "../../support/sshd.ts";
import { linkFailureOf, runOn, type SshRig, startSshRig } from "./rig.ts";

const PASSPHRASE = "correct horse";

describe("a host lets us in", () => {
  let rig: SshRig;
  let agent: SshAgent | undefined;
  const keys: Record<"rsa" | "ecdsa" | "encrypted" | "oldEncrypted" | "stranger", ClientKey> = {} as never;
  const prompts: string[] = [];
  const answering =
    (...answers: readonly string[]) =>
    async (path: string) => {
      const answer = answers[Math.min(prompts.push(path), answers.length) - 1];
      return answer === undefined ? undefined : new Secret(answer);
    };

  before(async () => {
    const [rsa, ecdsa, encrypted, oldEncrypted, stranger] = await Promise.all([
      makeKey({ type: "rsa" }),
      makeKey({ type: "ecdsa" }),
      makeKey({ type: "ed25519", passphrase: PASSPHRASE }),
      makeKey({ type: "rsa", passphrase: PASSPHRASE, format: "PEM" }),
      makeKey({ type: "ed25519" }),
    ]);
    Object.assign(keys, { rsa, ecdsa, encrypted, oldEncrypted, stranger });
    rig = await startSshRig({ authorizedKeys: [rsa, ecdsa, encrypted, oldEncrypted].map((key) => key.public) });
  });
  after(() => rig.stop());
  afterEach(async () => {
    prompts.length = 0;
    await agent?.stop();
    agent = undefined;
  });

  /** A home with these files in its .ssh. */
  const homeWith = async (files: Readonly<Record<string, string>>) => {
    const home = await mkdtemp(join(rig.folder, "home-"));
    await mkdir(join(home, ".ssh"));
    for (const [name, path] of Object.entries(files)) await copyFile(path, join(home, ".ssh", name));
    return home;
  };

  for (const name of ["rsa", "ecdsa"] as const) {
    test(`with an ${name} key file`, async () => {
      const connection = await rig.connect({ keys: { files: [keys[name].path] } });
      assert.equal((await runOn(connection, "id -un")).stdout, `${rig.user.name}\n`);
    });
  }

  for (const name of ["rsa", "ecdsa"] as const) {
    test(`with an ${name} key file that is not asked about first; with one of the agent's, whose owner may have to agree, it is`, async () => {
      /** How often sshd said that it would take a key which had not signed yet. */
      const asked = () => rig.sshd.logText().match(/Postponed publickey/g)?.length ?? 0;
      const before = asked();
      await rig.connect({ keys: { files: [keys[name].path] } });
      assert.equal(asked(), before);
      agent = await startSshAgent([keys[name]]);
      await rig.connect({ keys: { files: [keys[name].path] }, agentSocket: agent.socket });
      await eventually(() => asked() === before + 1, { name: "sshd has logged the question" });
    });
  }

  test("with a key file in the user's home, written with ~", async () => {
    const home = await homeWith({ deploy: rig.key.path });
    await rig.connect({ home, keys: { files: ["~/.ssh/deploy"] } });
  });

  test("with one of the usual key files where none is chosen", async () => {
    const home = await homeWith({ id_ed25519: keys.stranger.path, id_rsa: keys.rsa.path });
    await rig.connect({ home, keys: { files: [] } });
  });

  test("with the second of two chosen key files", async () => {
    await rig.connect({ keys: { files: [keys.stranger.path, rig.key.path] } });
  });

  describe("with an encrypted key", () => {
    for (const name of ["encrypted", "oldEncrypted"] as const) {
      test(`whose passphrase is asked for once (${name})`, async () => {
        await rig.connect({ keys: { files: [keys[name].path] }, askPassphrase: answering(PASSPHRASE) });
        assert.deepEqual(prompts, [keys[name].path]);
      });
    }

    test("whose passphrase is mistyped twice", async () => {
      await rig.connect({ keys: { files: [keys.encrypted.path] }, askPassphrase: answering("no", "nope", PASSPHRASE) });
      assert.equal(prompts.length, 3);
    });

    test("which nobody is asked about before the host has accepted it", async () => {
      const home = await homeWith({ id_ecdsa: keys.ecdsa.path });
      const refused = await makeKey({
        type: "ed25519",
        passphrase: PASSPHRASE,
        dir: join(home, ".ssh"),
        name: "id_ed25519",
      });
      await rig.connect({ home, keys: { files: [] }, askPassphrase: answering(PASSPHRASE) });
      assert.deepEqual(prompts, [], refused.path);
    });

    test("once for all connections of a run", async () => {
      const ring = keyRing({ home: rig.folder, askPassphrase: answering(PASSPHRASE) });
      const knownHosts = [await rig.writeKnownHosts(rig.sshd.knownHostsLine())];
      const { user, sshd } = rig;
      const target = { name: "web1", address: "127.0.0.1", port: sshd.port, user: user.name };
      const connections = await Promise.all(
        [1, 2, 3].map(() =>
          connectSsh(
            { ...target, keys: { files: [keys.encrypted.path] } },
            { home: rig.folder, keys: ring, knownHosts },
          ),
        ),
      );
      for (const connection of connections) connection.close();
      assert.equal(prompts.length, 1);
    });

    test("however long the operator takes to type", async () => {
      const handshakeMs = 2_000;
      const askPassphrase = async (path: string) => {
        await new Promise((resolve) => setTimeout(resolve, 2 * handshakeMs));
        return answering(PASSPHRASE)(path);
      };
      await rig.connect({ keys: { files: [keys.encrypted.path] }, askPassphrase, timeouts: { handshakeMs } });
    });
  });

  describe("with the keys of an agent", () => {
    for (const name of ["rsa", "ecdsa"] as const) {
      test(`of type ${name}`, async () => {
        agent = await startSshAgent([keys.stranger, keys[name]]);
        await rig.connect({ home: await homeWith({}), keys: { files: [] }, agentSocket: agent.socket });
      });
    }

    test("before the usual key files, so that nobody is asked for a passphrase", async () => {
      const home = await homeWith({ id_ed25519: keys.encrypted.path });
      agent = await startSshAgent([rig.key]);
      await rig.connect({ home, keys: { files: [] }, agentSocket: agent.socket, askPassphrase: answering(PASSPHRASE) });
      assert.deepEqual(prompts, []);
    });

    test("and the chosen file's own key first, so that a full agent does not use up the attempts", async () => {
      const strangers = await Promise.all(Array.from({ length: 7 }, () => makeKey({ type: "ed25519" })));
      agent = await startSshAgent([...strangers, keys.ecdsa]);
      await rig.connect({ keys: { files: [keys.ecdsa.path] }, agentSocket: agent.socket });
      const failure = await linkFailureOf(
        rig.connect({ home: await homeWith({}), keys: { files: [] }, agentSocket: agent.socket }),
        "auth",
      );
      assert.match(failure.attempts.at(-1)?.outcome ?? "", /too many authentication failures/i);
    });

    test("of which only the public half lies in a file", async () => {
      agent = await startSshAgent([keys.rsa]);
      const path = join(await homeWith({}), "only");
      await copyFile(`${keys.rsa.path}.pub`, `${path}.pub`);
      await rig.connect({ keys: { files: [path] }, agentSocket: agent.socket });
      await rig.connect({ keys: { files: [`${path}.pub`] }, agentSocket: agent.socket });
    });

    test("and otherwise with a file, where the agent has gone", async () => {
      await rig.connect({ agentSocket: join(rig.folder, "gone.sock") });
    });
  });

  describe("not, and says why:", () => {
    const attemptsOf = async (options: Parameters<SshRig["connect"]>[0]) =>
      (await linkFailureOf(rig.connect(options), "auth")).attempts;

    test("every key was refused, and what the host takes instead", async () => {
      const home = await homeWith({ id_ed25519: keys.stranger.path });
      agent = await startSshAgent([await makeKey({ type: "ecdsa", name: "agents", dir: home })]);
      const failure = await linkFailureOf(
        rig.connect({ home, keys: { files: [] }, agentSocket: agent.socket }),
        "auth",
      );
      assert.equal(failure.user, rig.user.name);
      assert.deepEqual(
        failure.attempts.map(({ what, outcome }) => `${what}: ${outcome}`.replace(/SHA256:[^:]+/, "SHA256:…")),
        [
          "agent key SHA256:…: refused by the host",
          `${home}/.ssh/id_ed25519: refused by the host`,
          `${home}/.ssh/id_ecdsa: no such file`,
          `${home}/.ssh/id_rsa: no such file`,
          "the host: takes publickey",
        ],
      );
    });

    test("there is no terminal to ask for a passphrase on, so the host is not even asked", async () => {
      const attempts = await attemptsOf({ keys: { files: [keys.encrypted.path] } });
      assert.deepEqual(attempts[0], {
        what: keys.encrypted.path,
        outcome: "is encrypted, and there is no terminal to ask for its passphrase",
      });
    });

    test("no passphrase was given, or none opened the key", async () => {
      for (const answers of [[], ["wrong"]]) {
        const attempts = await attemptsOf({
          keys: { files: [keys.encrypted.path] },
          askPassphrase: answering(...answers),
        });
        assert.equal(attempts[0]?.outcome, "accepted by the host, but no passphrase opened it");
      }
    });

    test("certificates and keys on security tokens are not supported", async () => {
      const home = await homeWith({ id_ed25519: keys.stranger.path });
      const ssh = join(home, ".ssh");
      await runOk(["ssh-keygen", "-q", "-s", rig.key.path, "-I", "me", "-n", "me", `${keys.stranger.path}.pub`]);
      await copyFile(`${keys.stranger.path}-cert.pub`, join(ssh, "id_ed25519-cert.pub"));
      await writeFile(join(ssh, "id_ed25519_sk.pub"), `${tokenKey()} me\n`);
      const attempts = await attemptsOf({ home, keys: { files: [] } });
      const outcomeOf = (name: string) => attempts.find(({ what }) => what === join(ssh, name))?.outcome;
      assert.equal(outcomeOf("id_ed25519-cert.pub"), "certificates need transport: openssh");
      assert.equal(outcomeOf("id_ed25519_sk"), "keys on security tokens (sk-*) need transport: openssh");
      agent = await startSshAgent([keys.stranger]);
      const held = await attemptsOf({ home, keys: { files: [] }, agentSocket: agent.socket });
      const told = held.filter(({ what }) => what === join(ssh, "id_ed25519-cert.pub"));
      assert.deepEqual(told, [
        { what: join(ssh, "id_ed25519-cert.pub"), outcome: "certificates need transport: openssh" },
      ]);
    });

    test("the agent does not answer", async () => {
      const socket = join(rig.folder, "gone.sock");
      const attempts = await attemptsOf({ home: await homeWith({}), keys: { files: [] }, agentSocket: socket });
      assert.equal(attempts[0]?.what, `agent at ${socket}`);
      assert.match(attempts[0]?.outcome ?? "", /ENOENT/);
    });

    test("a chosen key file is missing, or is no key", async () => {
      const missing = join(rig.folder, "missing");
      assert.deepEqual(await linkFailureOf(rig.connect({ keys: { files: [missing] } }), "key-file"), {
        kind: "key-file",
        path: missing,
        detail: "no such file",
      });
      const noKey = join(rig.folder, "no-key");
      await writeFile(noKey, "hello\n");
      const failure = await linkFailureOf(rig.connect({ keys: { files: [noKey] } }), "key-file");
      assert.equal(failure.detail, "not an SSH key");
    });

    test("nobody of this name may log in", async () => {
      const attempts = await attemptsOf({ user: "nobody-of-this-name" });
      assert.equal(attempts[0]?.outcome, "refused by the host");
    });
  });
});

/** A public key as a security token has it (PROTOCOL.u2f). */
function tokenKey(): string {
  const string = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const type = "sk-ssh-ed25519@openssh.com";
  const blob = Buffer.concat([Buffer.from(type), Buffer.alloc(32, 1), Buffer.from("ssh:")].map(string));
  return `${type} ${blob.toString("base64")}`;
}
