/** A host behind a real sshd, a user on it, and a key that lets him in: what the tests of this folder share. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LinkFailure, ZdrError } from "../../../cli/failure.ts";
import type { Channel, Connection } from "../../../cli/io/session/transport.ts";
import { type KeySources, keyRing } from "../../../cli/io/ssh/keys.ts";
import { connectSsh, type SshDeps, type SshTarget } from "../../../cli/io/ssh.ts";
import { type ClientKey, makeKey, type Sshd, type SshdOptions, startSshd } from "../../support/sshd.ts";
import { addTemporaryUser, type TemporaryUser } from "../../support/temporary-user.ts";

export interface RigOptions extends Partial<SshdOptions> {
  readonly shell?: string;
}

export interface ConnectOptions extends Partial<Omit<KeySources, "home">>, Partial<SshTarget> {
  /** Text of the only known_hosts file; default: the host's own keys. */
  readonly knownHosts?: string;
  readonly home?: string;
  readonly timeouts?: SshDeps["timeouts"];
}

export interface SshRig {
  readonly sshd: Sshd;
  readonly user: TemporaryUser;
  readonly key: ClientKey;
  /** A folder for the test's files. */
  readonly folder: string;
  connect(options?: ConnectOptions): Promise<Connection>;
  /** Writes a known_hosts file and returns its path. */
  writeKnownHosts(text: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startSshRig({ shell = "/bin/sh", ...options }: RigOptions = {}): Promise<SshRig> {
  const user = await addTemporaryUser({ shell });
  const folder = await mkdtemp(join(tmpdir(), "zdr-ssh-"));
  const key = await makeKey({ type: "ed25519", dir: folder, name: "deploy_key" });
  const sshd = await startSshd({ ...options, authorizedKeys: [key.public, ...(options.authorizedKeys ?? [])] });
  const open: Connection[] = [];
  let files = 0;
  const writeKnownHosts = async (text: string) => {
    const path = join(folder, `known_hosts_${++files}`);
    await writeFile(path, text);
    return path;
  };
  return {
    sshd,
    user,
    key,
    folder,
    writeKnownHosts,
    connect: async ({ knownHosts, home = folder, timeouts = {}, agentSocket, askPassphrase, ...target } = {}) => {
      const port = target.port ?? sshd.port;
      const text = knownHosts ?? sshd.knownHostsLine({ name: `[127.0.0.1]:${port}` });
      const connection = await connectSsh(
        { name: "web1", address: "127.0.0.1", port, user: user.name, keys: { files: [key.path] }, ...target },
        {
          home,
          keys: keyRing({ home, agentSocket, askPassphrase }),
          knownHosts: [await writeKnownHosts(text)],
          timeouts,
        },
      );
      open.push(connection);
      return connection;
    },
    stop: async () => {
      for (const connection of open) connection.close();
      await sshd.stop();
      await user.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a command to its end: what it printed, and how it ended. */
export async function runOn(connection: Connection, command: string, input = "") {
  const channel = await connection.exec(command);
  channel.stdin.end(input);
  const stdout = await textOf(channel);
  return { stdout, stderr: channel.stderrTail(), ...(await channel.closed) };
}

export async function textOf(channel: Channel): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of channel.stdout) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** The failure that a promise ends with; that it does not fail, or fails as a bug, is a failure of the test. */
export async function linkFailureOf<Kind extends LinkFailure["kind"]>(
  promise: Promise<unknown>,
  kind: Kind,
): Promise<Extract<LinkFailure, { kind: Kind }>> {
  const error = await promise.then(
    () => assert.fail(`it did not fail with ${kind}`),
    (caught: unknown) => caught,
  );
  if (!(error instanceof ZdrError) || error.failure.kind !== "link") throw error;
  assert.equal(error.failure.host, "web1");
  const { link } = error.failure;
  assert.equal(link.kind, kind, JSON.stringify(link));
  return link as Extract<LinkFailure, { kind: Kind }>;
}
