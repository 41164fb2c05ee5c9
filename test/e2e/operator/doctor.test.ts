/** `zdr doctor` before and after setup, and on hosts with something wrong; it touches nothing. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Check } from "../../../agent/wire/doctor.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { assertTold, resultOf } from "../../support/wrong-world.ts";

describe("zdr doctor", () => {
  const cleaning: (() => Promise<void>)[] = [];
  let rig: Rig;

  before(async () => {
    rig = await startRig({ after: (clean) => cleaning.push(clean) }, { via: "ssh" });
    await rig.addSample("gunicorn", { watch: 0 });
    await rig.useSample("gunicorn", { release: "v1" });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const examine = async (exit: number): Promise<Record<string, readonly Check[]>> => {
    const result = await rig.zdr(["doctor", "--json"]);
    assert.equal(result.code, exit, `${result.stdout}${result.stderr}`);
    const { examined } = resultOf<{ examined: { where: string; checks: Check[] }[] }>(result);
    return Object.fromEntries(examined.map(({ where, checks }) => [where, checks]));
  };
  const about = (checks: readonly Check[] | undefined, name: string) =>
    checks?.filter((one) => one.about === name) ?? [];

  test("before setup it says what is missing and that zdr setup makes it, and makes nothing", async () => {
    const { web1 } = await examine(5);
    assert.deepEqual(
      about(web1, "layout").map(({ level, fix }) => [level, fix]),
      [["refuse", "zdr setup makes it"]],
    );
    assert.deepEqual(about(web1, "lock"), [], "of a folder that is not there, once is enough");
    assert.ok(about(web1, "setup").some(({ text, fix }) => /is left to do: make /.test(text) && fix === "zdr setup"));
    assert.deepEqual(await readdir(rig.deployTo), []);
  });

  test("on a host that an operator has locked a deploy would not get through", async () => {
    assert.equal((await rig.zdr(["setup"])).code, 0);
    assert.equal((await rig.zdr(["lock", "-m", "audit"])).code, 0);
    const [locked] = about((await examine(5)).web1, "lock");
    assert.match(`${locked?.level} ${locked?.text}`, /^refuse locked by .*: audit$/);
    assert.match(locked?.fix ?? "", /zdr unlock/);
    assert.equal((await rig.zdr(["unlock"])).code, 0);
    assert.deepEqual(about((await examine(0)).web1, "lock"), []);
  });

  test("on a host that is set up all is in order, here and there, and it exits with 0", async () => {
    assert.equal((await rig.zdr(["setup"])).code, 0);
    assert.equal((await rig.zdr(["deploy", "--tag", "v1"])).code, 0);
    const { here, web1 } = await examine(0);
    assert.deepEqual(
      [...(here ?? []), ...(web1 ?? [])].filter(({ level }) => level === "refuse"),
      [],
    );
    const told = (name: string) =>
      about([...(here ?? []), ...(web1 ?? [])], name)
        .map(({ text }) => text)
        .join("\n");
    assert.match(told("config"), /deploy\.yml: 1 host, 1 program/);
    assert.match(told("build"), /: \d+ files, /);
    assert.match(told("host key"), /ssh-ed25519 SHA256:\S+, by \S+known_hosts:1/);
    assert.match(told("login"), /\(uid \d+, gid \d+\) on /);
    assert.match(told("node"), /Node \d+\.\d+/);
    assert.match(told("clock"), /agrees/);
    assert.match(told("shell"), /print nothing/);
    assert.match(told("sessions"), /more than one/);
    assert.match(told("supervisor"), /supervisor 4\.\d\S*, pid \d+, uid \d+, RUNNING, at unix:/);
    assert.match(told("disk"), /free, the build takes .*\n.*inodes/);
    assert.match(told("layout"), /one file system/);
    assert.match(told("shop"), /RUNNING, pid \d+, runs v1; nothing speaks against it/);
    assert.match((await rig.zdr(["doctor"])).stdout, /^here:\n {2}ok {4}config .*^web1:\n/ms);
  });

  test("folders that others can read, and a folder on another file system, are named with their fix; a lock is told beside the latter", async () => {
    assert.equal((await rig.zdr(["lock", "-m", "audit"])).code, 0);
    const elsewhere = await mkdtemp("/dev/shm/zdr-");
    const incoming = join(rig.deployTo, ".zdr/incoming");
    try {
      await rename(incoming, `${incoming}.aside`);
      await symlink(elsewhere, incoming);
      const { web1 } = await examine(5);
      const [found] = about(web1, "layout");
      assert.match(about(web1, "lock")[0]?.text ?? "", /^locked by .*: audit$/);
      assert.match(`${found?.text}: ${found?.fix}`, /incoming stands on another file system.*rename/);
    } finally {
      await rm(incoming);
      await rename(`${incoming}.aside`, incoming);
      await rm(elsewhere, { recursive: true });
    }
    assert.equal((await rig.zdr(["unlock"])).code, 0);
    await chmod(join(rig.deployTo, ".zdr"), 0o755);
    const [found] = about((await examine(5)).web1, "layout");
    assert.match(`${found?.text}: ${found?.fix}`, /\.zdr.*chmod/);
    await chmod(join(rig.deployTo, ".zdr"), 0o700);
  });

  test("a host key that is not known is one thing to mend, by the host's name in deploy.yml", async () => {
    const text = await readFile(rig.configPath, "utf8");
    const { ssh } = JSON.parse(text);
    const empty = join(rig.project, "known_nobody");
    await writeFile(empty, "");
    await rig.configure({ ssh: { ...ssh, known_hosts: empty } });
    const { web1 = [] } = await examine(5);
    await writeFile(rig.configPath, text);
    const [found, ...more] = web1.filter(({ level }) => level === "refuse");
    assert.deepEqual([found?.about, more], ["host key", []]);
    assert.match(found?.fix ?? "", /pin it in deploy\.yml at host web1: host_key:/);
  });

  test("a supervisord that does not answer is told, and the rest is looked at all the same", async () => {
    await rig.supervisord.stop();
    const { web1 } = await examine(5);
    assert.equal(about(web1, "supervisor")[0]?.level, "refuse");
    assert.equal(about(web1, "layout")[0]?.level, "ok");
    assert.deepEqual(about(web1, "shop"), []);
  });

  test("a host that is not reached, a build that is not there and a key file that an inventory names in vain are findings too", async () => {
    await rig.sshd?.stop();
    const { web1 } = await examine(5);
    assert.match(about(web1, "connect")[0]?.text ?? "", /cannot connect/);
    await rig.configure({ build: { path: "nowhere" } });
    assert.match(about((await examine(5)).here, "build")[0]?.text ?? "", /nowhere/);
    const entry = "web9 ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_private_key_file=keys/web9\n";
    await writeFile(join(rig.project, "hosts.ini"), entry);
    await rig.configure({ inventory: { ansible: "hosts.ini" } });
    const missed = about((await examine(5)).here, "keys").find(({ text }) => text.endsWith("/keys/web9"));
    assert.match(`${missed?.level}: ${missed?.text}`, /^warn: there is no \//);
  });

  test("a deploy.yml that can not be read is told as everywhere", async () => {
    await writeFile(rig.configPath, "project: [");
    assertTold(await rig.zdr(["doctor"]), { exit: 2, error: /deploy\.yml:1/ });
  });
});
