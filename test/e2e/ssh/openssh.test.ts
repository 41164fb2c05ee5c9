/** `transport: openssh`: the same session, the same guarantees, carried by the system's own ssh. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { textAt } from "../../support/load/ask.ts";
import { runOk } from "../../support/processes.ts";
import { startRig } from "../../support/rig.ts";
import { makeKey, startSshd } from "../../support/sshd.ts";

async function startOpensshRig(t: TestContext) {
  const rig = await startRig(t, { via: "ssh", transport: "openssh" });
  const { url } = await rig.addSample("go-overseer", { watch: "0s" });
  const { sshd } = rig;
  if (sshd === undefined) throw new Error("the rig has no sshd");
  return { rig, url, sshd };
}

const answerOf = (url: string) => textAt(`${url}/version`);

test("a first deploy, a reload and a rollback come through the system's ssh, on one connection each", async (t) => {
  const { rig, url, sshd } = await startOpensshRig(t);
  const zdr = async (...args: string[]) => {
    const before = sshd.connectionCount();
    const result = await rig.zdr(args);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(sshd.connectionCount(), before + 1);
  };
  await zdr("setup");
  for (const release of ["v1", "v2"]) {
    await rig.useSample("go-overseer", { release });
    await zdr("deploy", "--tag", release);
    assert.equal(await answerOf(url), release);
  }
  await zdr("rollback");
  assert.equal(await answerOf(url), "v1");
});

/** A deploy of v2 over v1 that has begun to flip. */
async function startActivation(t: TestContext) {
  const { rig, url } = await startOpensshRig(t);
  assert.equal((await rig.zdr(["setup"])).code, 0);
  await rig.useSample("go-overseer", { release: "v1" });
  assert.equal((await rig.zdr(["deploy", "--tag", "v1"])).code, 0);
  await rig.useSample("go-overseer", { release: "v2" });
  const zdr = rig.startZdr(["deploy", "--tag", "v2"]);
  await eventually(() => zdr.said().stderr.includes("flip: v2"), { name: "the activation has begun" });
  return { zdr, url };
}

test("Ctrl-C in an activation ends neither ssh nor the activation", async (t) => {
  const { zdr, url } = await startActivation(t);
  // A terminal sends it to the whole group: ssh would hear it too.
  for (const child of await childrenOf(zdr.pid)) process.kill(child, "SIGINT");
  zdr.kill("SIGINT");
  const { code, stderr } = await zdr.done;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /v2/);
  assert.equal(await answerOf(url), "v2");
});

test("an ssh that is killed in an activation is a link that died, and no agent: it is connected to again", async (t) => {
  const { zdr, url } = await startActivation(t);
  for (const child of await childrenOf(zdr.pid)) process.kill(child, "SIGKILL");
  const { code, stdout, stderr } = await zdr.done;
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.match(stderr, /web1: the connection was lost during activate: .*; connecting again/);
  assert.doesNotMatch(stderr, /the agent ended/);
  assert.equal(await answerOf(url), "v2");
});

async function childrenOf(pid: number): Promise<number[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ").filter(Boolean);
  assert.equal(children.length, 1);
  return children.map(Number);
}

describe("who is not let in, or not trusted, exits with 4 and ssh's own words", () => {
  test("a host key that is not known, whatever the configuration says", async (t) => {
    const { rig } = await startOpensshRig(t);
    const config = join(rig.dir, "ssh_config");
    await writeFile(config, "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n");
    const { ssh } = JSON.parse(await readFile(rig.configPath, "utf8"));
    await rig.configure({ ssh: { ...ssh, config, known_hosts: undefined } });
    const { code, stderr } = await rig.zdr(["status"]);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /ssh did not get into .*Host key verification failed/);
  });

  test("a key that the host does not take", async (t) => {
    const { rig } = await startOpensshRig(t);
    const stranger = await makeKey({ type: "ed25519" });
    const { ssh } = JSON.parse(await readFile(rig.configPath, "utf8"));
    await rig.configure({ ssh: { ...ssh, key: stranger.path } });
    const { code, stderr } = await rig.zdr(["status"]);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /Permission denied/);
  });

  test("a key pinned in deploy.yml is what counts, and a fingerprint alone is refused with the reason", async (t) => {
    const { rig, sshd } = await startOpensshRig(t);
    const { ssh, hosts } = JSON.parse(await readFile(rig.configPath, "utf8"));
    const status = async (host_key: string | undefined) => {
      await rig.configure({ ssh: { ...ssh, known_hosts: undefined }, hosts: [{ ...hosts[0], host_key }] });
      return rig.zdr(["status"]);
    };
    assert.notEqual((await status(sshd.hostKeys[0]?.public)).code, 4);
    const other = await status((await makeKey({ type: "ed25519" })).public);
    assert.equal(other.code, 4);
    const fingerprint = await status(sshd.hostKeys[0]?.fingerprint);
    assert.equal(fingerprint.code, 4);
    assert.match(fingerprint.stderr, /write the whole key/);
  });
});

test("a known_hosts that deploy.yml names is never written to, whatever the configuration says", async (t) => {
  const { rig } = await startOpensshRig(t);
  const { ssh, hosts } = JSON.parse(await readFile(rig.configPath, "utf8"));
  const sshd = await startSshd({
    authorizedKeys: [(await readFile(`${ssh.key}.pub`, "utf8")).trim()],
    keyTypes: ["ed25519", "ecdsa"],
  });
  t.after(() => sshd.stop());
  const [known, config] = [join(rig.dir, "known_here"), join(rig.dir, "ssh_config")];
  const line = sshd.knownHostsLine({ type: "ed25519" });
  await writeFile(known, line);
  // ssh would add the host's other key, and in further files remove what the host does not show any more.
  await writeFile(config, "UpdateHostKeys yes\n");
  await rig.configure({ ssh: { ...ssh, known_hosts: known, config }, hosts: [{ ...hosts[0], port: sshd.port }] });
  assert.equal((await rig.zdr(["setup"])).code, 0);
  assert.equal(await readFile(known, "utf8"), line);
});

test("a host that only its certificate makes known is reached, and the builtin transport names the way", async (t) => {
  const { rig } = await startOpensshRig(t);
  const authority = await makeKey({ type: "ed25519", dir: rig.dir, name: "authority" });
  const { ssh, hosts } = JSON.parse(await readFile(rig.configPath, "utf8"));
  const hostKey = await makeKey({ type: "ed25519", dir: rig.dir, name: "certified" });
  await runOk(["ssh-keygen", "-q", "-s", authority.path, "-I", "web1", "-h", "-n", "127.0.0.1", `${hostKey.path}.pub`]);
  const sshd = await startSshd({
    authorizedKeys: [(await readFile(`${ssh.key}.pub`, "utf8")).trim()],
    extraConfig: [`HostKey ${hostKey.path}`, `HostCertificate ${hostKey.path}-cert.pub`],
  });
  t.after(() => sshd.stop());
  const known = join(rig.dir, "known_authority");
  await writeFile(known, `@cert-authority [127.0.0.1]:${sshd.port} ${authority.public}\n`);
  const status = async (transport: string) => {
    await rig.configure({ ssh: { ...ssh, known_hosts: known, transport }, hosts: [{ ...hosts[0], port: sshd.port }] });
    return rig.zdr(["status"]);
  };
  const trusted = await status("openssh");
  assert.notEqual(trusted.code, 4, trusted.stderr);
  const builtin = await status("builtin");
  assert.equal(builtin.code, 4);
  assert.match(builtin.stderr, /transport: openssh/);
});
