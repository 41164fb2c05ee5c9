/** Ways to hosts as companies have them: aliases, jump hosts, proxy commands, busy servers; against real sshds. */
import assert from "node:assert/strict";
import { copyFile, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { SshHost } from "../../../cli/core/plan.ts";
import { keyRing } from "../../../cli/io/ssh/keys.ts";
import { routes } from "../../../cli/io/ssh/routes.ts";
import { userConfig } from "../../../cli/io/ssh/user-config.ts";
import type { SshConnection } from "../../../cli/io/ssh.ts";
import { runOk } from "../../support/processes.ts";
import { makeKey, type Sshd, startSshd } from "../../support/sshd.ts";
import { linkFailureOf, runOn, type SshRig, startSshRig } from "./rig.ts";

let rig: SshRig;
let bastion: Sshd;
let inner: Sshd;
const open: SshConnection[] = [];

before(async () => {
  rig = await startSshRig();
  bastion = await startSshd({ authorizedKeys: [rig.key.public] });
  inner = await startSshd({ authorizedKeys: [rig.key.public], extraConfig: ["AllowTcpForwarding yes"] });
});
after(async () => {
  for (const connection of open) connection.close();
  await Promise.all([bastion.stop(), inner.stop()]);
  await rig.stop();
});

interface Asked extends Partial<SshHost> {
  /** Lines of the SSH configuration. */
  readonly config?: string;
}

let configs = 0;

/** A run with one SSH configuration: ways to hosts, and what was warned of. */
async function startRun(lines: readonly string[], { ssh = "ssh" } = {}) {
  const file = join(rig.folder, `config_${++configs}`);
  await writeFile(file, `${lines.join("\n")}\n`);
  const warnings: string[] = [];
  const keys = keyRing({ home: rig.folder });
  const onWarning = (text: string) => void warnings.push(text);
  const resolve = userConfig({ file, ssh, onWarning });
  const run = routes({ user: rig.user.name, home: rig.folder, keys, resolve, onWarning });
  const connect = async (asked: Asked = {}) => {
    const connection = await run.connect({
      ...{ name: "web1", kind: "ssh", address: "web1", keys: [], hostKeys: [], knownHosts: [] },
      ...{ transport: "builtin", connectTimeoutMs: 10_000 },
      ...asked,
    });
    open.push(connection);
    return connection;
  };
  return { connect, warnings };
}

const known = async (...sshds: Sshd[]) =>
  `UserKnownHostsFile ${await rig.writeKnownHosts(sshds.map((sshd) => sshd.knownHostsLine()).join(""))}`;

/** A section for one server under a name of its own. */
const section = (name: string, { port }: Sshd, ...lines: string[]) => [
  `Host ${name}`,
  `  HostName 127.0.0.1`,
  `  Port ${port}`,
  `  User ${rig.user.name}`,
  `  IdentityFile ${rig.key.path}`,
  ...lines.map((line) => `  ${line}`),
];

describe("an SSH configuration", () => {
  for (const [what, ssh] of [
    ["read by ssh", "ssh"],
    ["read without ssh", "/no/such/ssh"],
  ] as const) {
    test(`${what}: an alias gives address, port, user, key and known hosts`, async () => {
      const run = await startRun([...section("web1", rig.sshd), `Host *`, `  ${await known(rig.sshd)}`], { ssh });
      const connection = await run.connect();
      assert.equal((await runOn(connection, "id -un")).stdout.trim(), rig.user.name);
    });
  }

  for (const ssh of ["ssh", "/no/such/ssh"]) {
    test(`files that include each other without end are given up as ssh gives them up (${ssh})`, async () => {
      const folder = await mkdtemp(join(rig.folder, "conf.d-"));
      const include = `Include ${folder}/*`;
      for (const name of ["a", "b", "c", "d"]) await writeFile(join(folder, name), `${include}\n`);
      const run = await startRun([include, ...section("web1", rig.sshd), await known(rig.sshd)], { ssh });
      const failure = await linkFailureOf(run.connect(), "ssh-config");
      assert.match(failure.detail, /Too many recursive configuration includes/);
    });
  }

  test("what deploy.yml says wins over it", async () => {
    const run = await startRun([...section("web1", bastion, "User nobody"), await known(rig.sshd)]);
    await run.connect({ port: rig.sshd.port, user: rig.user.name });
    const failure = await linkFailureOf(
      run.connect({ hostKeys: ["SHA256:BmqNTGHyPwI2fgPDSzTmc9Vr1ljEjbGGTIzEjE2M5Ds"] }),
      "host-key-changed",
    );
    assert.match(failure.address, new RegExp(`:${bastion.port}$`));
  });

  test("StrictHostKeyChecking no lets no unknown host in", async () => {
    const run = await startRun([
      ...section("web1", rig.sshd),
      "StrictHostKeyChecking no",
      "UserKnownHostsFile /dev/null",
    ]);
    await linkFailureOf(run.connect(), "host-key-unknown");
  });

  test("a host is known by its HostKeyAlias", async () => {
    const path = await rig.writeKnownHosts(rig.sshd.knownHostsLine({ name: "web-farm" }));
    const run = await startRun([...section("web1", rig.sshd, "HostKeyAlias Web-Farm"), `UserKnownHostsFile ${path}`]);
    await run.connect();
  });

  test("a host key that it has revoked is refused though it is known, and where what is revoked can not be read, all are", async () => {
    const revoking = async (file: string, asked: Asked = {}) =>
      (await startRun([...section("web1", rig.sshd), await known(rig.sshd), `RevokedHostKeys ${file}`])).connect(asked);
    const list = join(rig.folder, "revoked");
    const [{ public: shown, fingerprint } = assert.fail()] = rig.sshd.hostKeys;
    await writeFile(list, `# lost\n${shown}\n`);
    assert.equal((await linkFailureOf(revoking(list), "host-key-revoked")).place, `${list}:2`);
    await linkFailureOf(revoking(list, { hostKeys: [fingerprint] }), "host-key-revoked");
    await writeFile(list, `${bastion.hostKeys[0]?.public}\n`);
    await revoking(list);
    assert.equal((await linkFailureOf(revoking(`${list}.gone`), "known-hosts-unreadable")).path, `${list}.gone`);
    await writeFile(list, "SSHKRL\n\0");
    assert.match((await linkFailureOf(revoking(list), "ssh-config")).detail, /transport: openssh/);
  });

  test("a key file that it names and that is not there is passed over, and told where nobody lets us in", async () => {
    const lines = section("web1", rig.sshd).map((line) => line.replace(rig.key.path, "/no/such/key"));
    const failure = await linkFailureOf((await startRun([...lines, await known(rig.sshd)])).connect(), "auth");
    assert.deepEqual(failure.attempts[0], { what: "/no/such/key", outcome: "no such file" });
  });

  test("a certificate that it names is told where nobody lets us in, once, and what carries it", async () => {
    const folder = await mkdtemp(join(rig.folder, "certified-"));
    const key = await makeKey({ type: "ed25519", dir: folder, name: "id" });
    await runOk(["ssh-keygen", "-q", "-s", rig.key.path, "-I", "me", "-n", "me", `${key.path}.pub`]);
    const [beside, other] = [`${key.path}-cert.pub`, join(folder, "other-cert.pub")];
    await copyFile(beside, other);
    const named = [other, beside, "/no/such-cert.pub"].map((path) => `CertificateFile ${path}`);
    const lines = section("web1", rig.sshd, ...named).map((line) => line.replace(rig.key.path, key.path));
    for (const ssh of ["ssh", "/no/such/ssh"]) {
      const run = await startRun([...lines, await known(rig.sshd)], { ssh });
      const { attempts } = await linkFailureOf(run.connect(), "auth");
      const certificates = attempts.filter(({ what }) => what.endsWith("-cert.pub"));
      const outcome = "certificates need transport: openssh";
      assert.deepEqual(
        certificates,
        [other, beside].map((what) => ({ what, outcome })),
      );
    }
  });

  test("one that ssh does not understand is that host's failure, with ssh's own words", async () => {
    const failure = await linkFailureOf(
      (await startRun(["Host web1", "  Prot 22", "  Port 22"])).connect(),
      "ssh-config",
    );
    assert.match(failure.detail, /line 2.*prot/i);
  });

  test("a Match that nobody here can evaluate runs nothing, and is told", async () => {
    const trace = join(rig.folder, "evaluated");
    const lines = [...section("web1", rig.sshd), await known(rig.sshd), `Match exec "touch ${trace}"`, "  User nobody"];
    const run = await startRun(lines, { ssh: "/no/such/ssh" });
    const connection = await run.connect();
    assert.match(run.warnings.join(), /Match/);
    assert.notEqual((await runOn(connection, `test -e ${trace}`)).code, 0);
  });
});

describe("jump hosts", () => {
  test("two in a chain, each checked under its own name", async () => {
    const run = await startRun([
      ...[...section("outer", bastion), ...section("middle", inner)],
      ...section("web1", rig.sshd, "ProxyJump outer,middle"),
      ...["Host *", `  ${await known(rig.sshd, bastion, inner)}`],
    ]);
    const before = [bastion.connectionCount(), inner.connectionCount()];
    const { stdout } = await runOn(await run.connect(), "echo $SSH_CONNECTION");
    assert.match(stdout, new RegExp(` ${rig.sshd.port}$`, "m"));
    assert.deepEqual(
      [bastion.connectionCount(), inner.connectionCount()],
      [(before[0] ?? 0) + 1, (before[1] ?? 0) + 1],
    );
  });

  test("one that is not known is told by its own name, and the host behind it hears nothing", async () => {
    const run = await startRun([
      ...[...section("outer", bastion), ...section("web1", rig.sshd, "ProxyJump outer")],
      ...["Host *", `  ${await known(rig.sshd)}`],
    ]);
    const before = rig.sshd.connectionCount();
    const { address } = await linkFailureOf(run.connect(), "host-key-unknown");
    assert.match(address, new RegExp(`:${bastion.port}$`));
    assert.equal(rig.sshd.connectionCount(), before);
  });

  test("hosts behind the same one share one connection to it", async () => {
    const run = await startRun([
      ...[...section("outer", bastion), ...section("web*", rig.sshd, "ProxyJump outer")],
      ...["Host *", `  ${await known(rig.sshd, bastion)}`],
    ]);
    const before = bastion.connectionCount();
    await Promise.all(["web1", "web2", "web3"].map((address) => run.connect({ address })));
    assert.equal(bastion.connectionCount(), before + 1);
  });

  test("named in deploy.yml, with a key and a pin of their own, no configuration is needed", async () => {
    const jump = {
      ...{ address: "127.0.0.1", port: bastion.port, user: rig.user.name, keys: [rig.key.path] },
      hostKeys: [bastion.hostKeys[0]?.fingerprint ?? ""],
    };
    const run = await startRun([]);
    await run.connect({
      ...{ address: "127.0.0.1", port: rig.sshd.port, keys: [rig.key.path], jump: [jump] },
      hostKeys: [rig.sshd.hostKeys[0]?.fingerprint ?? ""],
    });
  });

  test("one from which the host can not be reached says so, with both names", async () => {
    const run = await startRun([
      ...[...section("outer", bastion), ...section("web1", rig.sshd, "ProxyJump outer")],
      ...["Host *", `  ${await known(bastion)}`],
    ]);
    const failure = await linkFailureOf(run.connect({ port: 1 }), "jump");
    assert.match(failure.address, /:1$/);
    assert.match(failure.through, new RegExp(`:${bastion.port}$`));
  });

  test("one that leads to itself ends", async () => {
    const run = await startRun([...section("web1", rig.sshd, "ProxyJump web1"), await known(rig.sshd)]);
    const failure = await linkFailureOf(run.connect(), "ssh-config");
    assert.match(failure.detail, /web1 leads back to itself/);
  });
});

describe("a proxy command", () => {
  const pipe = (port: number) =>
    `${process.execPath} -e "const s=require('net').connect(${port},'127.0.0.1');process.stdin.pipe(s).pipe(process.stdout)"`;

  test("carries the session", async () => {
    const lines = section("web1", rig.sshd, `ProxyCommand ${pipe(rig.sshd.port)}`);
    const run = await startRun([...lines, await known(rig.sshd)]);
    assert.equal((await runOn(await run.connect(), "id -un")).stdout.trim(), rig.user.name);
  });

  test("that fails is told with what it said", async () => {
    const run = await startRun([...section("web1", rig.sshd, `ProxyCommand sh -c "echo no way >&2; exit 3"`)]);
    const failure = await linkFailureOf(run.connect(), "jump");
    assert.deepEqual([failure.through.startsWith("ProxyCommand sh"), failure.detail], [true, "no way"]);
  });
});

describe("a server that lets few strangers in at once (MaxStartups 2)", () => {
  test("lets twenty in, one after the other", async (t) => {
    const busy = await startSshd({ authorizedKeys: [rig.key.public], extraConfig: ["MaxStartups 2:100:2"] });
    t.after(() => busy.stop());
    const run = await startRun([...section("web*", busy), await known(busy)]);
    const names = Array.from({ length: 20 }, (_, at) => `web${at}`);
    const connections = await Promise.all(names.map((address) => run.connect({ address })));
    assert.equal(connections.length, 20);
  });
});
