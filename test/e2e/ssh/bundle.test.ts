/** The way to a host as it is shipped: one CommonJS file, without node_modules and so without any native addon. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { CLI_PLUGINS } from "../../../scripts/build.ts";
import { runOk } from "../../support/processes.ts";
import { makeKey } from "../../support/sshd.ts";
import { startSshRig } from "./rig.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const ENTRY = `
import { keyRing } from "./cli/io/ssh/keys.ts";
import { connectSsh } from "./cli/io/ssh.ts";
import { Secret } from "./agent/wire/secret.ts";
const [target, home, knownHosts, passphrase] = JSON.parse(process.argv[2]);
const askPassphrase = async () => new Secret(passphrase);
connectSsh(target, { home, keys: keyRing({ home, askPassphrase }), knownHosts: [knownHosts] }).then(async (connection) => {
  const channel = await connection.exec("exec cat");
  channel.stdin.end("through one file");
  for await (const chunk of channel.stdout) process.stdout.write(chunk);
  const { code } = await channel.closed;
  connection.close();
  process.exitCode = code;
});
`;

test("one bundled file connects and runs a command, without node_modules, also with a key that is encrypted", async () => {
  const passphrase = "correct horse";
  const encrypted = await makeKey({ type: "ed25519", passphrase });
  const rig = await startSshRig({ authorizedKeys: [encrypted.public] });
  try {
    const outfile = join(rig.folder, "bundle.cjs");
    await build({
      stdin: { contents: ENTRY, resolveDir: ROOT, loader: "ts" },
      ...{ outfile, bundle: true, platform: "node", format: "cjs", target: "node22", logLevel: "error" },
      ...{ external: ["*.node", "cpu-features"], plugins: CLI_PLUGINS },
    });
    const target = { name: "web1", address: "127.0.0.1", port: rig.sshd.port, user: rig.user.name };
    const knownHosts = await rig.writeKnownHosts(rig.sshd.knownHostsLine());
    for (const { path } of [rig.key, encrypted]) {
      const input = JSON.stringify([{ ...target, keys: { files: [path] } }, rig.folder, knownHosts, passphrase]);
      assert.equal(await runOk([process.execPath, outfile, input], { cwd: rig.folder }), "through one file");
    }
  } finally {
    await rig.stop();
  }
});
