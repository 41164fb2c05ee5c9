/** `zdr trust`: host keys are fetched, judged and written down, and nobody is trusted on the way. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { eventually } from "../../support/eventually.ts";
import { startRig } from "../../support/rig.ts";
import type { KeyType } from "../../support/sshd.ts";

async function startTrustRig(t: TestContext, keyTypes: readonly KeyType[] = ["ed25519", "rsa"]) {
  const rig = await startRig(t, { via: "ssh", sshd: { keyTypes } });
  await rig.addSample("go-overseer");
  const { sshd } = rig;
  if (sshd === undefined) throw new Error("the rig has no sshd");
  const { ssh } = JSON.parse(await readFile(rig.configPath, "utf8"));
  const known = join(rig.project, "known_hosts");
  const know = async (text: string) => {
    await writeFile(known, text);
    await rig.configure({ ssh: { ...ssh, known_hosts: known } });
  };
  return { rig, sshd, known, know };
}

const lineOf = (stdout: string, type: string) => stdout.split("\n").find((line) => line.includes(type)) ?? "";

test("all keys of a host are shown, and written down for review without anybody being logged in", async (t) => {
  const { rig, sshd, known, know } = await startTrustRig(t);
  await know("# ours, without an end of line");
  await chmod(known, 0o600);
  const shown = await rig.zdr(["trust"]);
  assert.equal(shown.code, 4, shown.stderr);
  for (const { fingerprint } of sshd.hostKeys) assert.ok(shown.stdout.includes(fingerprint), shown.stdout);
  assert.doesNotMatch(sshd.logText(), /Accepted/);
  const written = await rig.zdr(["trust", "--write", "known_hosts"]);
  assert.equal(written.code, 0, written.stderr);
  assert.equal(await readFile(known, "utf8"), `# ours, without an end of line\n${sshd.knownHostsLine()}`);
  assert.equal((await stat(known)).mode & 0o777, 0o600);
  assert.equal((await rig.zdr(["trust"])).code, 0);
  assert.notEqual((await rig.zdr(["status"])).code, 4);
});

test("a file that can not be written is told, and is no bug of zdr's", async (t) => {
  const { rig, known, know } = await startTrustRig(t, ["ed25519"]);
  await know("");
  const { code, stderr } = await rig.zdr(["trust", "--write", "known_hosts/inner"]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /known_hosts\/inner could not be written: (EEXIST|ENOTDIR)/);
  assert.equal(await readFile(known, "utf8"), "");
});

test("Ctrl-C waits for no host that says nothing, and nothing is written", async (t) => {
  const { rig, known, know } = await startTrustRig(t, ["ed25519"]);
  const met: object[] = [];
  const silent = createServer((socket) => void met.push(socket)).listen(0, "127.0.0.1");
  t.after(() => silent.close());
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const { hosts } = JSON.parse(await readFile(rig.configPath, "utf8"));
  await know("");
  await rig.configure({ hosts: [...hosts, { name: "silent", address: "127.0.0.1", port }] });
  for (const verb of [["trust", "--write", "known_hosts"], ["doctor"]]) {
    const before = met.length;
    const running = rig.startZdr(verb);
    await eventually(() => met.length > before, { name: "it waits for the silent host" });
    running.kill("SIGINT");
    const { code, stderr } = await running.done;
    assert.equal(code, 130, stderr);
    assert.doesNotMatch(stderr, /said nothing/);
  }
  assert.equal(await readFile(known, "utf8"), "");
});

test("a host that is known by its RSA key alone is trusted by that one", async (t) => {
  const { rig, sshd, know } = await startTrustRig(t);
  await know(sshd.knownHostsLine({ type: "rsa" }));
  const { code, stdout } = await rig.zdr(["trust"]);
  assert.equal(code, 0);
  assert.match(lineOf(stdout, "ssh-rsa"), /yes$/);
  assert.doesNotMatch(lineOf(stdout, "ssh-ed25519"), /yes$/);
});

test("a key that has changed is told with what was expected, exits with 4, and nothing is written over it", async (t) => {
  const { rig, sshd, known, know } = await startTrustRig(t);
  const { public: stranger } = (await startRig(t, { via: "ssh" })).sshd?.hostKeys[0] ?? assert.fail();
  const text = `[127.0.0.1]:${sshd.port} ${stranger}\n`;
  await know(text);
  const { code, stdout } = await rig.zdr(["trust", "--write", "known_hosts"]);
  assert.equal(code, 4);
  assert.match(lineOf(stdout, "ssh-ed25519"), /CHANGED, expected SHA256:\S+ \(.*known_hosts:1\)/);
  assert.equal(await readFile(known, "utf8"), text);
});

test("a changed key that a pattern expects is excepted from its line as the hint says, and other hosts stay known by it", async (t) => {
  const { rig, sshd, known, know } = await startTrustRig(t, ["ed25519"]);
  const { public: stranger } = (await startRig(t, { via: "ssh" })).sshd?.hostKeys[0] ?? assert.fail();
  await know(`# all\n* ${stranger}\n`);
  const { code, stderr } = await rig.zdr(["releases"]);
  assert.equal(code, 4, stderr);
  assert.doesNotMatch(stderr, /ssh-keygen -R/);
  const excepted = /known_hosts:2 names it by a pattern.*except it there: (\S+) behind the names$/m.exec(stderr)?.[1];
  const line = /and trust the new one: echo '([^']+)' >> /.exec(stderr)?.[1];
  assert.equal(excepted, `,![127.0.0.1]:${sshd.port}`);
  await know(`# all\n*${excepted} ${stranger}\n${line}\n`);
  assert.match((await readFile(known, "utf8")).split("\n")[2] ?? "", /^\[127/);
  assert.notEqual((await rig.zdr(["releases"])).code, 4);
});

test("a host that is not there is told, beside the keys of those that are", async (t) => {
  const { rig, know } = await startTrustRig(t);
  const { hosts } = JSON.parse(await readFile(rig.configPath, "utf8"));
  await know("");
  await rig.configure({ hosts: [...hosts, { name: "gone", address: "127.0.0.1", port: 1 }] });
  const { code, stdout, stderr } = await rig.zdr(["trust"]);
  assert.equal(code, 4);
  assert.match(stdout, /web1 +ssh-ed25519/);
  assert.match(stderr, /gone: cannot connect/);
});

test("a new key beside the known one, as of a host that changes its keys, is told of, and trusted only once it is written down", async (t) => {
  const { rig, sshd, known, know } = await startTrustRig(t, ["ed25519", "ed25519", "rsa"]);
  const [now, next] = sshd.hostKeys;
  assert.ok(now && next);
  const lines = sshd.knownHostsLine().split("\n");
  await know(`${lines[0]}\n`);
  const used = await rig.zdr(["releases"]);
  assert.match(
    used.stderr,
    new RegExp(`web1 .*new ssh-ed25519 key beside the known one: ${next.fingerprint.replaceAll("+", "\\+")}`),
  );
  assert.doesNotMatch(used.stderr, /ssh-rsa/);
  assert.equal(await readFile(known, "utf8"), `${lines[0]}\n`);
  const shown = await rig.zdr(["trust"]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(lineOf(shown.stdout, now.fingerprint), /yes$/);
  assert.match(lineOf(shown.stdout, next.fingerprint), /not known$/);
  await rig.zdr(["trust", "--write", "known_hosts"]);
  assert.ok((await readFile(known, "utf8")).includes(`${lines[1]}\n`));
  assert.doesNotMatch((await rig.zdr(["releases"])).stderr, /new ssh-ed25519 key/);
});

test("a file that is written to is told to be named in deploy.yml, unless the hosts are looked for there already", async (t) => {
  const { rig, sshd, know } = await startTrustRig(t);
  await know("");
  const beside = await rig.zdr(["trust", "--write", "keys"]);
  assert.equal(beside.code, 0, beside.stderr);
  assert.match(beside.stdout, /in deploy\.yml: ssh: \{ known_hosts: \[known_hosts, keys\] \}$/m);
  const { ssh } = JSON.parse(await readFile(rig.configPath, "utf8"));
  const { known_hosts: _, ...others } = ssh;
  const searched = join(rig.project, "searched");
  const config = join(rig.project, "ssh_config");
  await writeFile(config, `UserKnownHostsFile ${searched}\n`);
  await rig.configure({ ssh: { ...others, config } });
  const read = await rig.zdr(["trust", "--write", "searched"]);
  assert.equal(read.code, 0, read.stderr);
  assert.ok((await readFile(searched, "utf8")).includes(sshd.knownHostsLine()));
  assert.doesNotMatch(read.stdout, /deploy\.yml/);
});
